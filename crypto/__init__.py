"""Seal and open. (AEAD, DEK, KEK, key version)"""
