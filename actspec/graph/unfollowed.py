"""What stands for an array in a formula raises where it can't stand for it."""


class UnfollowedError(BaseException):  # so that a formula that handles exceptions lets it pass
    """The formula does something that no operand can follow."""
