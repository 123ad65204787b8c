import pytest

from posetube import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.PoseTubeError, 1),
        (errors.InputError, 2),
        (errors.FormatError, 2),
        (errors.MissingExtraError, 2),
        (errors.MediaError, 5),
        (errors.WeightsError, 6),
        (errors.ResourceError, 7),
    ],
)
def test_every_error_has_its_documented_exit_code(
    kind: type[errors.PoseTubeError], code: int
) -> None:
    assert issubclass(kind, errors.PoseTubeError)
    assert kind.exit_code == code
