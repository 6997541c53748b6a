"""Tokenizer and decoder, and the Hugging Face folders they come from and go to."""
