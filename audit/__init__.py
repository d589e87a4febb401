"""What happened, provably? (event, record, leaf, checkpoint, inclusion proof)"""
