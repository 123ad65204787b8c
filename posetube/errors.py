"""Every error that posetube raises on purpose, and the exit code that the command line gives it.

```
PoseTubeError              anything below; catch this one
├── InputError        2    an argument, an option or an array is not what its documentation asks for
│   └── MissingFileError  5    there is no such file or folder
├── FormatError       2    a file of annotations, results or settings does not follow its format
├── MissingExtraError 2    an optional library is not installed; says what to install
├── MediaError        5    a video or picture cannot be read, or is refused
├── WeightsError      6    a network's weights are missing, refused, or have the wrong hash or shape
└── ResourceError     7    disk, memory or file handles ran out
```

The message of each is one line that says where, what was expected, what came, and what to do.
Exit codes that are no errors (3 finished with marked problems, 4 some inputs failed, 130
interrupted) belong to :mod:`posetube.pipelines`.
"""

from typing import ClassVar


class PoseTubeError(Exception):
    """Base class of all errors that posetube raises on purpose.

    Examples:
        >>> try:
        ...     raise MediaError("clip.mp4: no such file")
        ... except PoseTubeError as error:
        ...     print(error, error.exit_code)
        clip.mp4: no such file 5
    """

    exit_code: ClassVar[int] = 1


class InputError(PoseTubeError, ValueError):
    """An argument, an option or an array is not what its documentation asks for."""

    exit_code = 2


class MissingFileError(InputError):
    """There is no such file or folder; for a video see :class:`MediaError`, of the same code."""

    exit_code = 5


class FormatError(PoseTubeError, ValueError):
    """A file of annotations, results or settings does not follow its format."""

    exit_code = 2


class MissingExtraError(PoseTubeError, ImportError):
    """An optional library is not installed; the message says what to install."""

    exit_code = 2


class MediaError(PoseTubeError, OSError):
    """A video or a picture cannot be read, or is refused."""

    exit_code = 5


class WeightsError(PoseTubeError):
    """A network's weights are missing, refused, or have the wrong hash or shape."""

    exit_code = 6


class ResourceError(PoseTubeError, OSError):
    """Disk, memory or file handles ran out."""

    exit_code = 7
