"""How well a network does on annotated pictures, beside others."""

from livematte.scoring.peer import Peer
from livematte.scoring.results import Evaluation, Promises, Score
from livematte.scoring.run import evaluate

__all__ = ["Evaluation", "Peer", "Promises", "Score", "evaluate"]
