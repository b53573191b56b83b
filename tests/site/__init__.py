"""The website: its pages, their texts, and how they look in a browser."""
