layers = [
    64,
    (32, "tahn"
         "+norm:z"),
    (16, """
        relu + sofmax
        """, ),
    64,
]
