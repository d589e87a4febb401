"""The jobs that the clock-job asks for."""
