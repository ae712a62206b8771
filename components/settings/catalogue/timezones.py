"""Time zones of schedules: the stack file has IANA names, Azure takes Windows names.

Source: the Unicode CLDR's `windowsZones`, the zones that have a city of a known location.
"""

from collections.abc import Mapping

_IANA_BY_WINDOWS: Mapping[str, str] = {
    "AUS Eastern Standard Time": "Australia/Sydney Australia/Melbourne",
    "AUS Central Standard Time": "Australia/Darwin",
    "Arabian Standard Time": "Asia/Dubai",
    "Arab Standard Time": "Asia/Riyadh Asia/Qatar Asia/Kuwait Asia/Bahrain",
    "Argentina Standard Time": "America/Argentina/Buenos_Aires",
    "Atlantic Standard Time": "America/Halifax",
    "Bangladesh Standard Time": "Asia/Dhaka",
    "Canada Central Standard Time": "America/Regina",
    "Cen. Australia Standard Time": "Australia/Adelaide",
    "Central America Standard Time": "America/Guatemala America/Costa_Rica",
    "Central Europe Standard Time": "Europe/Budapest Europe/Prague Europe/Bratislava "
    "Europe/Ljubljana Europe/Belgrade",
    "Central European Standard Time": "Europe/Warsaw Europe/Zagreb Europe/Sarajevo Europe/Skopje",
    "Central Standard Time": "America/Chicago America/Winnipeg",
    "Central Standard Time (Mexico)": "America/Mexico_City",
    "China Standard Time": "Asia/Shanghai Asia/Hong_Kong",
    "E. Africa Standard Time": "Africa/Nairobi",
    "E. Australia Standard Time": "Australia/Brisbane",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York America/Toronto America/Detroit",
    "Egypt Standard Time": "Africa/Cairo",
    "FLE Standard Time": "Europe/Helsinki Europe/Kyiv Europe/Riga Europe/Sofia Europe/Tallinn "
    "Europe/Vilnius",
    "GMT Standard Time": "Europe/London Europe/Dublin Europe/Lisbon",
    "GTB Standard Time": "Europe/Athens Europe/Bucharest",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "India Standard Time": "Asia/Kolkata",
    "Israel Standard Time": "Asia/Jerusalem",
    "Korea Standard Time": "Asia/Seoul",
    "Middle East Standard Time": "Asia/Beirut",
    "Morocco Standard Time": "Africa/Casablanca",
    "Mountain Standard Time": "America/Denver America/Edmonton",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Newfoundland Standard Time": "America/St_Johns",
    "Pacific SA Standard Time": "America/Santiago",
    "Pacific Standard Time": "America/Los_Angeles America/Vancouver",
    "Pakistan Standard Time": "Asia/Karachi",
    "Romance Standard Time": "Europe/Paris Europe/Madrid Europe/Brussels Europe/Copenhagen",
    "SA Pacific Standard Time": "America/Bogota America/Lima America/Panama",
    "SE Asia Standard Time": "Asia/Bangkok Asia/Jakarta Asia/Ho_Chi_Minh",
    "Singapore Standard Time": "Asia/Singapore Asia/Kuala_Lumpur Asia/Manila",
    "South Africa Standard Time": "Africa/Johannesburg",
    "Taipei Standard Time": "Asia/Taipei",
    "Tokyo Standard Time": "Asia/Tokyo",
    "Turkey Standard Time": "Europe/Istanbul",
    "US Eastern Standard Time": "America/Indiana/Indianapolis",
    "US Mountain Standard Time": "America/Phoenix",
    "UTC": "Etc/UTC UTC",
    "W. Australia Standard Time": "Australia/Perth",
    "W. Central Africa Standard Time": "Africa/Lagos Africa/Algiers",
    "W. Europe Standard Time": "Europe/Berlin Europe/Amsterdam Europe/Luxembourg Europe/Oslo "
    "Europe/Rome Europe/Stockholm Europe/Vienna Europe/Zurich",
}

WINDOWS_NAMES: Mapping[str, str] = {
    iana: windows for windows, names in _IANA_BY_WINDOWS.items() for iana in names.split()
}
"""Windows name by IANA name, for each time zone that a schedule may have."""
