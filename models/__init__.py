"""Networks whose derivatives are written by hand, on any array library.

    net = models.mlp([64, 32, 10])          a function of one flat array of parameters
    params = net.init(rng=0)
    lin = net.linearize(params, x)          lin.output (b, c), and the Jacobian J as an operator:
                                            lin.jvp, lin.vjp, lin.per_sample, lin.gram, lin.vjp_jvp
    loss = models.SoftmaxCrossEntropy()
    grad = lin.vjp(loss.gradient(lin.output, y)) / len(x)
    K = lin.gram(loss.hessian_root(lin.output))     S S' with S = H^{1/2} J, and no J anywhere

A network is one `Layer` over a `Layout` of its parameters; a new layer is a page of eight verbs.
"""

from models.activation import Elementwise, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from models.adaptation import add_lora, merge_lora
from models.adaptive import AdaptiveAveragePool1D, AdaptiveAveragePool2D
from models.attention import DotProductAttention, self_attention
from models.batchnorm import BatchNorm
from models.branches import Parallel, Residual
from models.calibration import calibrated
from models.chain import Sequential
from models.checkpoints import load_parameters, save_parameters
from models.composite import Composite
from models.convolution import Conv1D, Conv2D
from models.dense import Dense
from models.dropout import Dropout
from models.embedding import Embedding
from models.frozen import Frozen
from models.gelu import GELU
from models.layer import Layer, Leaf
from models.leaf import OuterLeaf, Parameterless
from models.linearization import Linearization
from models.lora import LoRA
from models.losses.binary import BinaryCrossEntropy
from models.losses.contract import Loss, Tally
from models.losses.huber import Huber
from models.losses.poisson import Poisson
from models.losses.separable import Separable
from models.losses.softmax import SoftmaxCrossEntropy, accuracy
from models.losses.span import SpanExtraction
from models.losses.squared import SquaredError
from models.network import Network
from models.normalization import GroupNorm, LayerNorm, RMSNorm
from models.padding import FirstPosition, MeanPosition, Padded
from models.parameters import Layout
from models.pooling import AveragePool1D, AveragePool2D, MaxPool1D, MaxPool2D
from models.positional import Positional, Sinusoidal
from models.recurrent import Recurrent
from models.reshape import Flatten, Reshape
from models.softmax import Softmax
from models.tied import TiedEmbedding
from models.tokens import Encoded, WordPiece, stacked
from models.zoo.convnets import lenet, resnet
from models.zoo.distilbert import DistilBertConfig, distilbert
from models.zoo.mlp import mlp
from models.zoo.published import load_distilbert
from models.zoo.transformer import transformer, transformer_block

__all__ = [
    # Networks, and their Jacobians
    "mlp",
    "distilbert",
    "DistilBertConfig",
    "load_distilbert",
    "lenet",
    "transformer",
    "resnet",
    "Network",
    "Linearization",
    "Layout",
    # Adapting what was trained before, and files of parameters
    "add_lora",
    "merge_lora",
    "save_parameters",
    "load_parameters",
    # Text as numbers
    "WordPiece",
    "Encoded",
    "stacked",
    # Layers, and the contract they keep
    "Layer",
    "Leaf",
    "OuterLeaf",
    "Parameterless",
    "Elementwise",
    "Composite",
    # Layers made of layers
    "Sequential",
    "Parallel",
    "Residual",
    "Frozen",
    # Layers that are not
    "Dense",
    "Conv1D",
    "Conv2D",
    "MaxPool1D",
    "MaxPool2D",
    "AveragePool1D",
    "AveragePool2D",
    "AdaptiveAveragePool1D",
    "AdaptiveAveragePool2D",
    "ReLU",
    "LeakyReLU",
    "GELU",
    "SiLU",
    "Softplus",
    "Tanh",
    "Sigmoid",
    "Softmax",
    "LayerNorm",
    "RMSNorm",
    "GroupNorm",
    "BatchNorm",
    "calibrated",
    "Dropout",
    "Reshape",
    "Flatten",
    "LoRA",
    # Layers of sequences
    "Embedding",
    "TiedEmbedding",
    "Positional",
    "Sinusoidal",
    "Recurrent",
    "Padded",
    "MeanPosition",
    "FirstPosition",
    "DotProductAttention",
    "self_attention",
    "transformer_block",
    # Losses, and the contract they keep
    "Loss",
    "Separable",
    "Tally",
    "SoftmaxCrossEntropy",
    "SpanExtraction",
    "SquaredError",
    "Huber",
    "BinaryCrossEntropy",
    "Poisson",
    "accuracy",
]
