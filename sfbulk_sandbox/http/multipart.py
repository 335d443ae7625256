"""multipart/form-data bodies: the parts of a form by their names."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser


def form_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the bytes of each part of a form by name. Line endings are not changed.

    Args:
        content_type: The Content-Type header, which names the boundary.
        body: The whole body.

    Raises:
        ValueError: The body is not a form, or a part has no name.
    """
    # The parser expects the header before the body, as in a mail.
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if form.get_content_type() != "multipart/form-data" or not form.is_multipart():
        raise ValueError("the body is not multipart/form-data with a boundary")
    parts: dict[str, bytes] = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise ValueError("a part of the form has no name")  # noqa: TRY004 - the client's mistake, as the other
        parts[name] = content
    return parts
