"""The students' repository: what it holds, what of it is sealed, and how it is written and brought up to date."""
