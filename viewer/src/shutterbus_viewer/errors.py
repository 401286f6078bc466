"""Every error that the viewer raises on purpose, sorted by what the caller does."""


class ViewerError(Exception):
    """Base class. Catch it only at the top of the process; its text is a sentence for people."""


class UndrawableError(ViewerError):
    """A picture that cannot be decoded or scaled. Show the one before, or the original as it is."""


class ArchiveUnreadableError(ViewerError):
    """What the archive keeps cannot be told now. Say why; live pictures are another matter."""


class TooManyError(ViewerError):
    """A limit is reached. Refuse this one; the others go on."""


class TooLargeError(ViewerError):
    """More was asked for at once than can be answered. Say how to ask for less."""


class FrameGoneError(ViewerError):
    """A kept frame that was here and is not any more. Answer 410."""


class MakerUnavailableError(ViewerError):
    """Pictures of the past cannot be made now. Ask again later."""
