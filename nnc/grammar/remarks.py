"""Where the comments of a file go when it is laid out anew."""

from __future__ import annotations

from nnc.compiler.source import Span
from nnc.compiler.syntax import Comment, File


class Remarks:
    """The comments of a file, handed out in the order of the text.

    A formatter that walks the tree in that order asks at each place where a comment may stand for
    those that are due. Those that stood where none may stand are `hoisted` to the next such place
    around them. A tree that wasn't written as text has no comments and no blank lines.
    """

    def __init__(self, file: File | None) -> None:
        self._comments = file.comments if file else ()
        self._source = file.source if file and not file.source.pointers else None
        self._next = 0
        self.hoisted: list[Comment] = []

    def before(self, offset: int) -> list[Comment]:
        """The comments that start before an offset and weren't asked for yet."""
        first = self._next
        while self._next < len(self._comments) and self._comments[self._next].span.start < offset:
            self._next += 1
        return list(self._comments[first : self._next])

    def hoist(self, offset: int) -> None:
        """Set the comments before an offset aside for a place further out."""
        self.hoisted += self.before(offset)

    def inside(self, mark: int, span: Span) -> list[Comment]:
        """What was hoisted since there were `mark`, and the rest up to the end of a span."""
        found = self.hoisted[mark:] + self.before(span.end)
        del self.hoisted[mark:]
        return found

    def trailing(self, span: Span, bound: int) -> str:
        """The comment after a span on the line of its end, if it starts before `bound`."""
        if self._next == len(self._comments):
            return ""
        comment = self._comments[self._next]
        between = span.source.text[span.end : comment.span.start]
        if comment.span.start >= bound or "\n" in between:
            return ""
        self._next += 1
        return f"  {comment.text}"

    def beside_brace(self, bound: int) -> str:
        """The comment after an opening brace, on its line, where it stands before `bound`."""
        if self._next == len(self._comments):
            return ""
        place = self._comments[self._next].span
        start = place.source.text.rfind("\n", 0, place.start) + 1
        if place.start >= bound or not place.source.text[start : place.start].strip():
            return ""
        self._next += 1
        return f"  {place.text.rstrip()}"

    def blank_before(self, span: Span) -> bool:
        """Whether an empty line stands before what starts here."""
        if span.source is not self._source:
            return False
        text = span.source.text
        lines, place = 0, span.start
        while lines < 2 and place > 0 and text[place - 1].isspace():
            place -= 1
            lines += text[place] == "\n"
        return lines == 2
