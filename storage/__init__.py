"""Where state lives. (engine, transaction, migration, epoch)"""
