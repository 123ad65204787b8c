"""``posetube data archive ROOT --from NAME -o people.tar``: gathers labelled pictures to train on.

Not here: the form of an archive, and what is trained on it
(:mod:`posetube.datasets.training.picture_archive`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_target
from posetube.errors import FormatError, InputError, MediaError, PoseTubeError

from ...datasets.annotated_video import AnnotatedVideo, Dataset, Part, Split
from ...datasets.training.augment_places import shrink
from ...datasets.training.clip_reader import read_clip
from ...datasets.training.labelled_clip import LabelledClip
from ...datasets.training.picture_archive import write_archive
from ..failures import COMPLETE, MARKED_PROBLEMS
from ..opened_people import open_people_or_run
from .export import say


def archive(
    root: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    split: Part | None = None,
    every: int = 1,
    long_side: int = 512,
    follow_links: bool = False,
) -> int:
    """Gather the labelled pictures of a data set for `posetube train`.

    The labels go to a file NPZ beside it, masks of people with them. Joints become COCO's, by name.
    People in a picture who
    are not labelled count as background, so a data set that labels one person of several teaches to
    overlook the others.

    Videos and pictures that cannot be read are reported and left out; the exit code is then 3.

    Args:
        root: The data set's folder.
        out: The pictures, a file that ends in .tar.
        from_: Its name [default: told by names and content].
        split: Only this part.
        every: Take only every n-th labelled frame of a video.
        long_side: Larger pictures are reduced to this, pixels.
        follow_links: Take pictures, too, that are links out of the data set's folder. Somebody
            else's data set could so take along what lies elsewhere on your disk; data sets that
            `posetube data convert` made have such links.
    """
    check_archive(out, every=every, long_side=long_side)
    job = _Gathering(
        dataset=open_people_or_run(root, form=from_),
        long_side=long_side,
        within=None if follow_links else root,
    )
    write_archive(out, job.pictures(split=split or "", every=every))
    left = f"; left out: {job.left_out}" if job.left_out else ""
    say(f"{root} ({job.dataset.name}): {job.count} pictures, {job.people} people -> {out}{left}")
    return MARKED_PROBLEMS if job.left_out else COMPLETE


def check_archive(out: Path, *, every: int, long_side: int) -> None:
    """Refuse an archive that cannot be made, before anything is read.

    Args:
        out: The archive.
        every: Every how many frames are taken.
        long_side: To what larger pictures are reduced, pixels.

    Raises:
        InputError: If its name or a number is wrong, or it cannot be written there.
    """
    if out.suffix != ".tar":
        raise InputError(f"{out}: name a file that ends in .tar")
    for name, value, least in (("every", every, 1), ("long-side", long_side, 32)):
        if value < least:
            raise InputError(f"--{name} must be {least} or more, got {value}")
    check_target(out)


@dataclass(kw_only=True)
class _Gathering:
    """The pictures of a data set, and how many there have been."""

    dataset: Dataset
    long_side: int
    within: Path | None
    """Folder that no picture may lead out of; None: pictures may lie anywhere."""

    count: int = 0
    people: int = 0
    left_out: int = 0

    def pictures(self, *, split: Split, every: int) -> Iterator[tuple[str, LabelledClip]]:
        """A name for each picture, and the picture.

        Raises:
            FormatError: If there is none.
        """
        for clip in self._clips(split, every):
            yield f"{self.count:06d}.webp", shrink(clip, long_side=self.long_side)
            self.count, self.people = self.count + 1, self.people + int(clip.present.sum())
        if not self.count:
            raise FormatError(f"{self.dataset.name}: no labelled picture that is there to be read")

    def _clips(self, split: Split, every: int) -> Iterator[LabelledClip]:
        for name in self.dataset.videos():
            try:
                video = self.dataset.read(name)
            except PoseTubeError as error:
                self._leave_out(error)
                continue
            if video.media is None or split not in ("", video.split):
                continue
            for frame in video.labeled_frames[::every]:
                try:
                    if self.within is not None:
                        _refuse_link_out(video, frame, self.within)
                    clip = read_clip(video, [frame], masks=video.tracks.masks is not None)
                except PoseTubeError as error:
                    self._leave_out(error)
                    continue
                yield clip

    def _leave_out(self, error: PoseTubeError) -> None:
        self.left_out += 1
        say(str(error))


def _refuse_link_out(video: AnnotatedVideo, frame: int, root: Path) -> None:
    """Refuse a picture or a video that lies in a folder by name and, by a link, elsewhere.

    Raises:
        MediaError: If it is one.
    """
    path = video.picture(frame) or video.media
    if path is None or not path.is_relative_to(root):
        return
    if not path.resolve().is_relative_to(root.resolve()):
        raise MediaError(f"{path}: a link out of {root}; --follow-links takes it")
