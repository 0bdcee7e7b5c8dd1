"""Teacher and student of one picture: the same noise, much of it and little, and every level between.

    pack.py      probes → plain data, maps packed to 8 bits
    source.py    where the picture comes from: a file, a run, a rendered scene
    painted.py   masks painted by hand
    files.py     figures and tables to take away
    brush.js     where they are painted
    *.js, *.css  data → maps → rows, decay, sites, verdict → teacher

Knows probes and drawing; knows no model.
"""
