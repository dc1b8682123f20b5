"""What the names of metadata mean: which hold a time and whose, which name the device, which hold a position.

Names are in lower case, without the group that a reader puts before them: ffprobe, exifread, exiftool.
"""

_CREATION = (
    "set by the recorder or a later program: the start, the end or the export; "
    "UTC by the standard (ISO/IEC 14496-12), often local time in practice"
)
TIMES = {
    "creation_time": _CREATION,
    "createdate": _CREATION,
    "trackcreatedate": _CREATION,
    "mediacreatedate": _CREATION,
    "com.apple.quicktime.creationdate": "local time of the device when the recording began, with its zone",
    "creationdate": "when the recording or the file began, with its zone where one is stated",
    "contentcreatedate": "when the content was made, by the program that wrote it",
    "datecreated": "when the picture was made, by the program that wrote it",
    "date": "written by the program that made the file; no zone stated",
    "timecode": "time code of the first frame; often the clock of the camera",
    "starttimecode": "time code of the first frame; often the clock of the camera",
    "modification_date": "when the file was last written, by its program's clock",
    "datetimeoriginal": "local time of the camera when the picture was taken",
    "datetimedigitized": "local time of the camera when the picture was stored",
    "datetime": "local time when the file was last changed by the camera or a program",
    "gpsdate": "day of the position, UTC from the satellites",
    "gpsdatestamp": "day of the position, UTC from the satellites",
    "gpstimestamp": "time of the position, UTC from the satellites",
    "gpsdatetime": "time of the position, UTC from the satellites",
    "offsettimeoriginal": "zone of the camera's clock",
    "offsettime": "zone of the camera's clock",
}
# exiftool gives one name to two things: EXIF's is the camera's own clock.
EXIF_TIMES = {"createdate": TIMES["datetimedigitized"]}
DEVICE = {
    "make": "make",
    "model": "model",
    "software": "software",
    "encoder": "software",
    "firmware": "software",
    "firmwareversion": "software",
    "com.apple.quicktime.make": "make",
    "com.apple.quicktime.model": "model",
    "com.apple.quicktime.software": "software",
    "com.android.manufacturer": "make",
    "com.android.model": "model",
    "com.android.version": "software",
    "androidmake": "make",
    "androidmanufacturer": "make",
    "androidmodel": "model",
    "androidversion": "software",
    "manufacturer": "make",
    "devicemodelname": "model",
    "devicename": "model",
    "uniquecameramodel": "model",
    "lensmake": "lens",
    "lensmodel": "lens",
    "bodyserialnumber": "serial number",
    "serialnumber": "serial number",
    "internalserialnumber": "serial number",
    "cameraserialnumber": "serial number",
    "deviceserialno": "serial number",
    "lensserialnumber": "serial number of the lens",
    "imageuniqueid": "number of the picture",
    "company_name": "maker of the software",
    "product_name": "software",
    "creatortool": "software",
    "historysoftwareagent": "software",
    "hostcomputer": "computer",
    "muxingapp": "software",
    "writingapp": "software",
    "writinglib": "software",
    "encoderid": "software",
    "vendor": "software",
    "compressorname": "encoder",
    "encodersettings": "encoder settings",
    "encoding_settings": "encoder settings",
    "encodingsettings": "encoder settings",
}
# In ISO 6709, and in exiftool's numbers: signed degrees parted by spaces.
PLACES = ("location", "com.apple.quicktime.location.iso6709", "location-eng")
DEGREES = ("gpscoordinates", "gpsposition")
