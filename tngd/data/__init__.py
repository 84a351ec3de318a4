"""Real data to train on, divided once and for all, and the order in which it is visited."""

from tngd.data.dataset import Dataset, Split, split
from tngd.data.digits import load_digits
from tngd.data.loader import batches, epoch_length
from tngd.data.masking import IGNORED, masked, padded, windows
from tngd.data.mnist import load_mnist
from tngd.data.scoring import Scores, exact_match, f1, score
from tngd.data.spans import align, best_span, text_of
from tngd.data.squad import Answer, Question, read_squad
from tngd.data.vocabulary import Vocabulary
from tngd.data.wikitext import Article, joined, read_wikitext, tokens

__all__ = [
    "load_digits", "load_mnist",
    "Dataset", "Split", "split",
    "batches", "epoch_length",
    # Text
    "read_wikitext", "Article", "tokens", "joined",
    "Vocabulary", "windows", "masked", "padded", "IGNORED",
    # Questions with answers in a text
    "read_squad", "Question", "Answer",
    "align", "text_of", "best_span",
    "score", "Scores", "exact_match", "f1",
]  # fmt: skip
