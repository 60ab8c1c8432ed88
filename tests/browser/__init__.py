"""The site in Debian's Chromium: what a reader sees and does."""
