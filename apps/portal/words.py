"""The sentences that the pages' scripts and forms say: by key, in English, translated like the templates.

`{name}` in a sentence is filled in by who says it.
"""

from babel.support import NullTranslations


def _(text: str) -> str:
    """Mark `text` for the catalogues of translations."""
    return text


SENDING = {
    "under-a-minute": _("less than a minute"),
    "minutes": _("{count} min."),
    "hours": _("{count} h."),
    "left": _("{time} left"),
    "sent-of": _("{sent} of {size} ({share})"),
    "overall": _("{done} of {count} files received"),
    "quarter": _("{share} percent sent"),
    "begun": _("Sending has begun. Files: {count}"),
    "chosen-before": _("These files are in the list already."),
    "all-received": _("All files have been received."),
    "goes-on": _("Sending goes on."),
    "waiting": _("Waiting for its turn"),
    "sending": _("Being sent"),
    "paused": _("Paused"),
    "checking": _("Has arrived. Being checked"),
    "delayed-network": _("No connection at the moment. Sending goes on by itself as soon as there is one; nothing is lost."),
    "delayed-server": _("The receiver cannot take more at the moment. Sending goes on by itself; nothing is lost."),
    "delayed-full": _("The receiver has no room at the moment. Sending goes on by itself once there is; nothing is lost."),
    "missing": _("Choose the file {name} again, and sending goes on where it stopped."),
    "missing-leave": _("Your browser asks for leave to read {name} again. Then sending goes on where it stopped."),
    "missing-changed": _("The file {name} cannot be read any more, or it has changed. Choose it again."),
    "received": _("Received"),
    "received-identical": _("Received, and identical to the file that your browser sent"),
    "received-different": _("Received, but not as your browser sent it. Please send it again."),
    "digest": _("SHA-256: {sha256}"),
    "progress-of": _("Progress of {name}"),
    "failed": _("That did not work. Try again later."),
    "error-link": _("This link or code does not work, or not any more. Look whether it was typed rightly; else ask whoever sent it for a new one."),
    "used-up": _("This link was used as often as it allows. Ask whoever sent it for a new one."),
    "another-file": _("That was another file. Choose {name}, or remove it from the list."),
    "too-large": _("A file is larger than the {bytes} that this link allows. Ask whoever sent it."),
    "too-many": _("This link takes {files} files at a time. Choose fewer; you can send more afterwards."),
    "limits": _("Up to {files} files, {bytes} in all."),
    "nothing-chosen": _("Choose at least one file first."),
    "some-wait": _("Some files are waiting for you. Let them go on, choose them again or remove them, and finish then."),
    "other-tab": _("This page is open in another tab or window already, and sends from there. Go on there, or close it and load this page again."),
    "cancel-sure": _("Remove {name}? What has been sent of it is deleted."),
    "forget-sure": _("Remove link, reference and receipt code from this device? Write down the receipt code first."),
    "earlier": _("Reference {reference}, receipt code {receipt}"),
    "answers-saved": _("Your answers are saved."),
    "answers-later": _("Your answers are saved as soon as there is a connection."),
    "answers-refused": _("Your last answers were not saved: {reason} Change them, or finish once more to do without."),
    "time-from-recording": _("This is a suggestion: the file {name} says so itself. Correct it if it is wrong."),
    "time-from-file": _("This is a suggestion: the date of the file {name}, which may be that of a copy. Correct it if it is wrong."),
    "overwritten-in": _("The recorder writes over this in {hours} hours, at {time}. Export it first, and send then."),
    "overwritten-within-the-hour": _("The recorder writes over this within the hour, at {time}. Export it now."),
    "overwritten": _("The recorder may have written over this at {time}. Send what is still there."),
}  # fmt: skip

RECEIPT = {
    "receipt-news": _("There is news: press Look again."),
}

STATES = {
    "receiving": _("The files are still coming in."),
    "received": _("The files have been received. They are being locked away."),
    "sealed": _("The files have been received and locked away. The receipt is ready."),
    "issued": _("The files have been received and locked away. The receipt is ready."),
}

FILE_STATES = {
    "receiving": _("Still coming in"),
    "received": SENDING["received"],
    "sealed": _("Received and locked away"),
    "expired": _("Was not sent to its end, and was given up"),
    "refused": _("Could not be kept. Please send it again."),
    "identical": SENDING["received-identical"],
    "different": SENDING["received-different"],
}

# Never verdicts: a file that looks so may be an original all the same.
HINTS = {
    "forwarded": _("This file looks as if it came through a messaging app. If you have the original, please send that too."),
    "screen": _("This file looks like a recording of a screen. If you have what the screen showed as a file, please send that too."),
    "unopened": _("We could not open this file. If the recorder has a player of its own, please send that too."),
}  # fmt: skip

SENDING |= {f"hint-{code}": text for code, text in HINTS.items()}

PROBLEMS = {
    "receipt": _("There is no receipt with this code. Look whether it was typed rightly."),
    "no-files": _("No file was chosen. Choose at least one, and send again."),
    "not-yet": _("The receipt is still being written into the log. Try again in a minute."),
    "contact-not-kept": _("Name, telephone and e-mail were not kept: “I send it without my name” was chosen."),
    "answers-not-kept": _("Your answers were not kept: one of them is too long, or is no text. Your recordings are here."),
}  # fmt: skip

REQUEST_FIELDS = {
    "business": _("Business"),
    "camera": _("Camera"),
    "place": _("Place"),
    "wanted_from": _("From"),
    "wanted_until": _("To"),
    "legal_basis": _("Legal basis"),
    "order_reference": _("Reference of the court order"),
}


def translated(table: dict[str, str], texts: NullTranslations) -> dict[str, str]:
    """`table` in another language."""
    return {key: texts.gettext(text) for key, text in table.items()}
