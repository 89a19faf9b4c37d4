"""The commands, by whom they serve; `livematte.cli` puts them together."""
