"""What is a realm that this city can trust, is it still so, and who may no longer sign in? (realm, drift, changes)"""
