"""The words of the custody report, in Danish and in English."""

from collections.abc import Mapping

Words = tuple[str, str]  # Danish, English

WHAT_IT_IS: Words = (
    "Rapporten fortæller, hvad en eksportpakke indeholder, og hvad der er sket med hver fil, fra den blev"
    " modtaget. Den er lavet af pakkens egne filer og er til at læse. Bevismidlerne er originalerne i"
    " pakken; det, der kan efterprøves, er filerne i custody/, ikke dette papir.",
    "This report tells what an export package holds, and what happened to each file since it was received."
    " It is made from the package's own files, and is for reading. The evidence is the originals in the"
    " package; what can be verified is the files in custody/, not this paper.",
)
CHECKPOINT: Words = (
    "Kontrolpunktet herunder er myndighedens underskrift på hele loggen på eksportens tidspunkt, gengivet"
    " tegn for tegn som i custody/checkpoint. En linje, der er rykket ind, fortsætter den ovenfor. Gem"
    " denne side: bliver loggen siden skrevet om, passer den ikke længere med kontrolpunktet.",
    "The checkpoint below is the authority's signature on the whole log at the time of the export,"
    " character by character as in custody/checkpoint. A line that is indented goes on from the one above."
    " Keep this page: if the log is ever rewritten, it no longer agrees with this checkpoint.",
)
VERIFYING: tuple[Words, ...] = (
    (
        "1. Få nøglens fingeraftryk ad en anden vej end med pakken: ring til myndigheden på et nummer, De"
        " selv har fundet, og sammenlign med det, der står på side 1.",
        "1. Get the key's fingerprint another way than with the package: call the authority at a number"
        " that you looked up yourself, and compare it with the one on page 1.",
    ),
    (
        "2. Åbn verify.html i pakken med en browser (uden netværk), eller kør sh verify.sh, eller vidne"
        " verify package MAPPE --log-key NØGLE. VERIFY.txt i pakken forklarer hvert trin.",
        "2. Open verify.html in the package with a browser (no network needed), or run sh verify.sh, or"
        " vidne verify package FOLDER --log-key KEY. VERIFY.txt in the package explains each step.",
    ),
    (
        "3. Sammenlign side 1 med pakken: kontrolpunktet med custody/checkpoint, og listens SHA-256 med"
        " den, som sha256sum manifest-sha256.txt skriver. Enhver fil kan efterprøves for sig med sha256sum"
        " FIL (Windows: certutil -hashfile FIL SHA256).",
        "3. Compare page 1 with the package: the checkpoint with custody/checkpoint, and the list's"
        " SHA-256 with what sha256sum manifest-sha256.txt prints. Any file can be checked by itself with"
        " sha256sum FILE (Windows: certutil -hashfile FILE SHA256).",
    ),
)
MEANINGS: tuple[Words, ...] = (
    (
        "Original: filen, som den blev modtaget; ikke én bit er ændret.",
        "Original: the file as it was received; not one bit is changed.",
    ),
    (
        "Arbejdskopi: lavet af originalen, så den kan afspilles overalt. Ompakket: de samme billed- og"
        " lydpakker i en ny beholder. Omkodet: billederne er beregnet på ny og ligner, men er ikke de"
        " samme.",
        "Working copy: made from the original so that it plays anywhere. Rewrapped: the same packets of"
        " picture and sound in a new container. Encoded: the pictures were computed anew; they are alike,"
        " not the same.",
    ),
    (
        "SHA-256, BLAKE3: tal, der er beregnet af alle filens bytes. To filer med samme SHA-256 er ens ned"
        " til hver bit.",
        "SHA-256, BLAKE3: numbers computed from all bytes of a file. Two files with the same SHA-256 are"
        " equal to the last bit.",
    ),
    (
        "Log, post, kontrolpunkt: hver hændelse er en post i en log, der kun kan vokse. Kontrolpunktet er"
        " loggens størrelse og rod, underskrevet; roden er beregnet af alle poster.",
        "Log, entry, checkpoint: each event is an entry in a log that can only grow. The checkpoint is the"
        " log's size and root, signed; the root is computed from all entries.",
    ),
    (
        "Nr.: hændelsens nummer i sagen. Tallene er uden huller i custody/entries.jsonl; heller ikke"
        " hændelser om filer uden for pakken mangler dér.",
        "No.: the event's number in the case. In custody/entries.jsonl the numbers have no gaps; events of"
        " files that are not in the package stand there, too.",
    ),
    (
        "Aktør: et pseudonym. Myndigheden kan sige, hvem det er. worker er programmet selv. Tider er UTC:"
        " dansk tid er en time senere, to timer om sommeren.",
        "Actor: a pseudonym. The authority can tell who it is; worker is the program itself. Times are"
        " UTC: Danish time is one hour later, two hours in summer.",
    ),
    (
        "Slettet: enkelthederne er fjernet for altid. Udeladt: de findes, men er ikke med i denne pakke. I"
        " begge tilfælde står hændelsen der stadig og kan efterprøves.",
        "Erased: the details are gone for good. Left out: they exist, but not in this package. In both"
        " cases the event still stands there and can be verified.",
    ),
)
LIMITS: tuple[Words, ...] = (
    (
        "At en optagelse er sand: hvad den forestiller, om kameraets ur gik rigtigt, eller om filen var"
        " ændret, før den blev modtaget. Før da vides intet om den.",
        "That a recording is true: what it shows, whether the camera's clock was right, or whether the"
        " file was changed before it was received. Before that nothing is known of it.",
    ),
    (
        "Hvornår noget skete, ud over maskinens eget ur: rækkefølgen er bundet, tiderne er kun så sikre"
        " som uret, indtil et tidsstempel fra en anden myndighed dækker dem.",
        "When something happened, beyond the machine's own clock: the order is bound, the times are only"
        " as sure as that clock until a time stamp of another authority covers them.",
    ),
    (
        "At historien ikke er skrevet om af den, der har både loggens nøgle og dens database. Det afsløres"
        " kun af det, der er givet ud forinden: et vidne (cosignature), et tidsstempel, en ældre pakke"
        " eller rapport.",
        "That history was not rewritten by who holds both the log's key and its database. Only what was"
        " given out before tells of it: a witness (cosignature), a time stamp, an earlier package or"
        " report.",
    ),
    (
        "At der ikke er kommet flere hændelser til efter eksporten. En pakke bliver ved med at kunne"
        " efterprøves.",
        "That no more events came after the export. A package goes on verifying for ever.",
    ),
    (
        "At rapporten selv er ægte: den er ikke underskrevet. Er den i modstrid med pakken, gælder pakken.",
        "That this report itself is genuine: it is not signed. Where it contradicts the package, the"
        " package counts.",
    ),
)

_EVENTS: Mapping[str, Words] = {
    "case.opened": ("Sagen blev oprettet", "The case was opened"),
    "case.renumbered": ("Sagen fik et andet nummer", "The case got another number"),
    "case.closed": ("Sagen blev lukket", "The case was closed"),
    "file.received": ("Filen blev modtaget", "The file was received"),
    "submission.completed": ("En aflevering blev afsluttet", "A submission was completed"),
    "object.stored": ("Gemt og læst tilbage ens", "Stored, and read back the same"),
    "object.relocated": ("Flyttet til et andet lager", "Moved to another store"),
    "exhibit.sealed": ("Originalen er sikret i lageret", "The original is sealed in the store"),
    "exhibit.inspected": ("Opbygning og metadata blev læst", "Structure and metadata were read"),
    "exhibit.previewed": ("Første behandling sluttede", "First processing ended"),
    "exhibit.processed": ("Behandlingen sluttede", "Processing ended"),
    "exhibit.partial": (
        "Behandlet: kun en del kan afkodes",
        "Processed: only a part decodes",
    ),
    "exhibit.unplayable": ("Intet i filen kan afkodes", "Nothing in the file decodes"),
    "exhibit.refused": ("Filen er bevaret og åbnes ikke videre", "The file is kept and not opened further"),
    "exhibit.quarantined": ("Behandlingen blev standset", "Processing was stopped"),
    "exhibit.retried": ("Behandlingen blev sat i gang igen", "Processing was taken up again"),
    "recorder.added": ("En optager blev registreret", "A recorder was registered"),
    "recorder.clock-read": ("En optagers ur blev aflæst", "A recorder's clock was read"),
    "recorder.linked": ("Filen blev knyttet til en optager", "The file was linked to a recorder"),
    "export.created": ("En eksportpakke blev lavet", "An export package was made"),
}
_STATES: Mapping[str, Words] = {
    "received": ("modtaget, endnu ikke sikret", "received, not yet sealed"),
    "sealed": ("sikret; behandlingen er ikke slut", "sealed; processing has not ended"),
    "processed": ("sikret og behandlet", "sealed and processed"),
    "partial": (
        "sikret og behandlet; kun en del af filen kan afkodes",
        "sealed and processed; only a part decodes",
    ),
    "unplayable": ("sikret; intet i filen kan afkodes", "sealed; nothing in the file decodes"),
    "refused": ("sikret; filen åbnes ikke videre", "sealed; the file is not opened further"),
    "quarantined": ("sikret; behandlingen blev standset", "sealed; processing was stopped"),
}
_SOURCES: Mapping[str, Words] = {
    "seized": ("politiet (beslaglagt eller hentet)", "the police (seized or retrieved)"),
    "citizen": ("en borger", "a citizen"),
    "business": ("en virksomhed", "a business"),
}
_ROLES: Mapping[str, Words] = {
    "original": ("original", "original"),
    "working": ("arbejdskopi", "working copy"),
    "rewrap": ("ompakket kopi", "rewrapped copy"),
    "preview": ("forhåndsbillede", "preview picture"),
    "keyframe": ("nøglebillede", "keyframe"),
    "contact-sheet": ("billedoversigt", "contact sheet"),
    "track": ("GPS-spor", "GPS track"),
    "embedded": ("indlejret fil", "embedded file"),
    "proof": ("bevis for kopi", "proof of a copy"),
    "manifest": ("manifest", "manifest"),
}
NO_BODY: Mapping[str, Words] = {
    "erased": ("Enkelthederne er slettet.", "The details were erased."),
    "left-out": ("Enkelthederne er udeladt af pakken.", "The details are left out of the package."),
}
CLOCK_READ: Words = (
    "Aflæst på optageren. + betyder, at uret gik foran.",
    "Read off the recorder. + means that the clock was fast.",
)
CLOCK_GIVEN: Words = (
    "Oplyst ved afleveringen. + betyder, at uret gik foran.",
    "Stated with the submission. + means that the clock was fast.",
)
REWRAPPED: Words = (
    "Ompakket: de samme pakker af billede og lyd som i originalen, kun beholderen er ny. Pakkernes digest"
    " er sammenlignet; beviset ligger i streams/.",
    "Rewrapped: the same packets of picture and sound as in the original, only the container is new. The"
    " packets' digests were compared; the proof is in streams/.",
)
ENCODED: Words = (
    "Omkodet: billederne er beregnet på ny, så de kan vises overalt. De ligner originalens, men er ikke de"
    " samme.",
    "Encoded: the pictures were computed anew so that they can be shown anywhere. They are like the"
    " original's, not the same.",
)
NO_COPY: Words = ("Der er ingen arbejdskopi.", "There is no working copy.")
COPY_LEFT_OUT: Words = ("Den er ikke med i pakken.", "It is not in the package.")
METHODS: Mapping[str, str] = {"remux": "ompakket / rewrapped", "encode": "omkodet / encoded"}
COPY_UNKNOWN: Words = ("Hvordan den er lavet, er ikke kendt her.", "How it was made is not known here.")
NO_PICTURE: Words = (
    "Ikke alle billeder kunne formindskes her; de ligger i data/.",
    "Not all pictures could be reduced here; they are in data/.",
)
UNKNOWN: Words = ("ikke kendt her", "not known here")


def event_words(kind: str) -> Words:
    """An event's type in plain words."""
    if kind.startswith("contact."):
        return ("Kontaktoplysninger (vises ikke i rapporten)", "Contact data (not shown in the report)")
    return _EVENTS.get(kind, ("Anden hændelse", "Another event"))


def state_words(state: str) -> Words:
    """An exhibit's state."""
    return _STATES.get(state, (state, state))


def source_words(source: str) -> Words:
    """From whom a file came, by role."""
    return _SOURCES.get(source, UNKNOWN)


def role_words(role: str) -> Words:
    """What a file is to its exhibit."""
    return _ROLES.get(role, (role, role))
