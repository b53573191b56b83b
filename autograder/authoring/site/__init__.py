"""The course as a website: executed lessons as pages, and everything else by inclusion from where it is written."""
