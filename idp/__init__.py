"""Who is calling? (issuer, relying party, session, assurance, directory)"""
