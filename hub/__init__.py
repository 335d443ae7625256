"""The definitions of both plugins for Meltano Hub, and the program that makes them."""
