"""Registration: what people type about themselves, read and refused before anything is kept."""
