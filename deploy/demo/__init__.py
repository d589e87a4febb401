"""What does a city look like that runs on one machine? (city, policy, routes, portals; founding, up)"""
