import os
x = [1, 2, 3]
