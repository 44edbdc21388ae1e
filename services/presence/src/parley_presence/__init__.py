"""Who is online where: announces who comes and goes, and reaps what dead processes left."""
