"""Can we get it back?"""
