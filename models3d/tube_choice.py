"""Which of many proposed tubes are kept: the surest, one of many similar ones.

Arrays or tensors; of dense proposals, whose tubes are whole before the choice. Anchors' tubes are
decoded on the way (:mod:`.proposals`).
"""

from typing import NamedTuple

import numpy as np

from .arrays import Array, falling_order, library_of, on_host, settled, sigmoid
from .configs.proposal_heads import DenseProposalConfig
from .slots import most_taken, take_slots
from .tube_nms import tube_nms


class Proposals(NamedTuple):
    """Where people may be in B clips: R slots per clip, the taken ones first, by falling score."""

    tubes: Array
    """(B, R, T, 4) pixels of the network's input; zeros in an empty slot."""

    scores: Array
    """(B, R) probability of a person; 0 in an empty slot."""

    taken: Array
    """(B, R) bool."""

    @staticmethod
    def of(tubes: Array, scores: Array) -> "Proposals":
        """Slots in falling order of (B, R) scores, minus infinity in an empty one."""
        xp = library_of(scores)
        taken = scores > -np.inf
        return Proposals(
            tubes=xp.where(taken[..., None, None], tubes, 0),
            scores=xp.where(taken, scores, 0),
            taken=taken,
        )

    def shortened(self) -> "Proposals":
        """Without the slots that are empty in every clip; waits for the device."""
        most = most_taken(self.taken)
        return Proposals(*(column[:, :most] for column in self))

    def per_clip(self) -> list[tuple[Array, Array]]:
        """Each clip's (R, T, 4) tubes and (R,) scores without empty slots; waits for the device."""
        return [(tubes[taken], scores[taken]) for tubes, scores, taken in zip(*self, strict=True)]


def choose_tubes(logits: Array, tubes: Array, *, config: DenseProposalConfig) -> Proposals:
    """The best tubes of B clips, one of many similar ones; they carry no gradient.

    Args:
        logits: (B, N) one per tube.
        tubes: (B, N, T, 4) pixels of the network's input.
        config: The filter.
    """
    logits, tubes = settled(logits), settled(tubes)
    xp = library_of(logits)
    scores = sigmoid(logits)
    sure = scores > config.min_score
    if on_host(logits) and len(logits) == 1:  # most cells see nobody
        logits, scores, tubes = (column[:, sure[0]] for column in (logits, scores, tubes))
        sure = sure[:, sure[0]]
    best = falling_order(logits)[:, : config.before_nms]
    if on_host(logits) and len(logits) > 1:
        best = best[:, : most_taken(sure)]
    tubes, scores = take_slots(tubes, best), take_slots(xp.where(sure, scores, -np.inf), best)
    kept = tube_nms(tubes, scores, threshold=config.nms)
    # the best of the kept ones come first
    scores = xp.where(kept, scores, -np.inf)
    order = falling_order(scores)[:, : config.after_nms]
    return Proposals.of(take_slots(tubes, order), take_slots(scores, order))
