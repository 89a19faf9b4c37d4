"""What the simulated previous masks of the training promise, as figures from IoUs frame by frame.

The promises are those of "Mobile Real-time Video Segmentation" (Bazarevsky and Tkachenka, 2018): somebody who
appears is seen at once (empty masks), a wrong previous mask is not believed (masks far off), and a frame that
is unlike the one before is followed (bent pictures).
"""

from __future__ import annotations

from collections.abc import Sequence

BACK = 0.01
"""An IoU that is lower by no more than this is back."""


def shortfall(ious: Sequence[float], steady: Sequence[float]) -> float:
    """How much lower the IoU is than in the steady state, -1..1: the mean difference, frame by frame.

    ious: of frames seen in another way (*appearance*: each as a clip's first frame; *fast motion*: with the
    frames between left out). steady: of the same frames in the undisturbed run. Below 0: better than steady.
    Raises ValueError where there is no frame or the numbers of frames differ.
    """
    if not steady:
        raise ValueError("no frame to compare")
    return sum(then - now for now, then in zip(ious, steady, strict=True)) / len(steady)


def frames_until_back(ious: Sequence[float], steady: Sequence[float], within: float = BACK) -> int:
    """*Distrust*: how many frames in a row are worse for a wrong previous mask; 0 if not even the first is.

    ious: of the frames from the first that saw the wrong mask on. steady: of the same frames in the
    undisturbed run. A frame is back where its IoU is at least the steady one less `within`. Where none is
    back, the number of frames. Raises ValueError where the numbers of frames differ.
    """
    back = [now >= then - within for now, then in zip(ious, steady, strict=True)]
    return back.index(True) if True in back else len(back)
