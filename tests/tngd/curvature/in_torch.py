"""Our networks as PyTorch modules, and matrices of theirs in our order of parameters."""

import numpy as np
import torch

from models import Conv2D, Dense, Flatten, MeanPosition, Tanh


class Mean(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=1)


class ChannelsFirst(torch.nn.Module):
    def forward(self, x):
        return x.permute(0, 3, 1, 2)


class ChannelsLast(torch.nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)


def as_module(objective):
    """The network, and for each of its parameters in torch's order its place in ours."""
    net = objective.network
    named = net.parameters(objective.params)
    places = net.parameters(np.arange(net.size, dtype=float))
    modules, order = [], []
    for i, layer in enumerate(net.layer.layers):
        if isinstance(layer, Dense | Conv2D):
            dense = isinstance(layer, Dense)
            to_torch = (1, 0) if dense else (3, 2, 0, 1)
            W = torch.from_numpy(named[f"{i}.W"].transpose(to_torch).copy())
            kind = torch.nn.Linear if dense else torch.nn.Conv2d
            size = () if dense else (W.shape[2:],)
            own = kind(W.shape[1], W.shape[0], *size, bias=layer.bias, dtype=torch.float64)
            own.weight.data = W
            order.append(places[f"{i}.W"].transpose(to_torch).reshape(-1))
            if layer.bias:
                own.bias.data = torch.from_numpy(named[f"{i}.c"].copy())
                order.append(places[f"{i}.c"])
            modules += [own] if dense else [ChannelsFirst(), own, ChannelsLast()]
        else:
            known = {Tanh: torch.nn.Tanh, Flatten: torch.nn.Flatten, MeanPosition: Mean}
            modules.append(known[type(layer)]())
    return torch.nn.Sequential(*modules), np.concatenate(order).astype(int)


def data_of(objective):
    """The batch as curvlinops wants it."""
    return [(torch.from_numpy(objective.x), torch.from_numpy(np.asarray(objective.y)))]


def in_our_order(operator, order):
    """The dense matrix of an operator of theirs."""
    theirs = (operator @ torch.eye(len(order), dtype=torch.float64)).numpy()
    ours = np.zeros_like(theirs)
    ours[np.ix_(order, order)] = theirs
    return ours
