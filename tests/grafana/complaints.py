"""What the tests found wrong, and what they could not test."""

wrong = []
skipped = []


def check(place, complaint):
    """Keeps a complaint, if there is one."""
    if complaint:
        wrong.append(f"{place}: {complaint}")


def skip(what):
    skipped.append(what)
