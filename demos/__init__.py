"""The studio: kgen's models in a browser. `kgen demo` opens it; each tab also runs alone, `python demos/<tab>.py`.

A family joins by adding one file beside these. A tab defines `TITLE`, `ORDER` and `build(studio)`; a part of somebody
else's tab also names it in `PART_OF` and says in `NEEDS` what a model must have. `discovery` finds both.
"""
