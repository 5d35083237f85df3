/**
 * 2236 bytes full of branch opcodes and their look-alikes, packed by other programs: liblzma 5.4 through Python's
 * lzma module (with and without the x86 filter) and zstd 1.5. SHA-256 of the unpacked bytes is the oracle.
 */
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

export const UNPACKED_LENGTH = 2236
export const UNPACKED_SHA256 = '735df5872ed23cde9b03f0603136c8ff2f930ecd34f1c8483f30c2a5d878e6bf'

/** XZ, filters x86 and LZMA2, CRC32: the form of a kernel's payload. */
export const XZ_X86: Uint8Array = decode(
  '/Td6WFoAAAFpIt42AgEEACEBHACHbtrl4Ai7BUZdAAACDV/5ObM2iLWRs50/RU2jfBOXWrlDgw9ga0a3c1i3a/G4aJPsxc/9TOQbPsMSWvK5CE' +
    'moomcMZ2MLW1jrV8nSbGcAjNP/WnSpFkr2OYQPAIycjU9514W4gT+c9t9h4atRlItQpIYDNJxnqEpRa5DYJ+42nXHxY8psn+TIrMrwDH6WdvY2' +
    'NJ3LXhMmOlFIhR2vQhKd3ebEhtM/thPtL4GJiVZMdrhr+wsBCmx6V165+4K1m9uj2F2UldXgKjvYMx93iKMBqwDAFImBrhzMbQrMAp23eb/G/O' +
    'KkUFfn4iTHcekSx9+EDMpIC6AFlf7SFAhjDKOzRD0kBAvvnOEgwp6IfC3k7kaVWHKc0BHpkTVEqxBDpkp8mUtBX/OCnRSxe4fN+svWelf4AVZr' +
    'MxojPtF8riY7V8HNwZNmqIrdjFmFdxnwZFQxnnD98oczLwjZZxe/aRlQCdErLMYbH/gIjCREjqmLrQeWKnZMOxpsDaRrsLtYfyMidP6ykO9Kux' +
    'LaUtvhFrCBiywx+Q6bZBffz2o2vh7AOUxZJ/7T54WYT6z2uUeiOLbzwnc8SCINx+ti/Crjm6SXHiiZrweNIytaarUCm3XSgXlZPmR4Hn5rNAdy' +
    'srS4MtjCg90C4QZ9DtdDnD5AWz6HMcpjuXkwi7a93C38YS7OQjqpOAd4qoiVvKINjvIujfv59Tma353DBlmGq70do7wZgRbPKuAQYmqncgawmY' +
    'DWipsafFzcnnS7t82gygzHiLLh1SERlhOi0GgQvHu64BCe7jN7dPvdivuNtEaTPapG3bYrUFasmhHuEdIcnogibAyMlsksDsJ+cEH1Q/1LZnDo' +
    'cTsLBaca7H0XTLzArEc6NNe4PLqZTnuo4Mo41DYXlR1kXWsifT5H1NkrfJ0jGZUP1qOYLDkV2i8xS4kWal5WjKJjusJt5MA1OYat6JgP/zo2TT' +
    'BmfsmZ4Njn8EzW33rG1e49AKriCkbRABYqxCa4uQfyDlKE7vSj+UB+UJt43m5LAA/HhVRFD+gaZqWKuwgi7XxvWB8HTPk1hsUxWVGd90iQMjI4' +
    '7mnlHB7OxGkV4YNo4LnTMTFYF0n6YnFLfjT47Iz4pHE8fjhqhjfck+EZegWi1NTd6B0h1Yo8egB0RDjVQVQ5N2DonhNX+LnfN4du2NXAAMXOpx' +
    'yFIPstq1ir3Wa/Xfl/TdRd4V8+x0p2Rp9+TgD9lQTLCWiUs1voQX/alf78YyTlFRFWZkjXM0lgJY0ybG07xw5YLwnz61OI7jK1LgQyUwbAEdRS' +
    'eW0y1MpUfOFr4T8LDLCvxyZxhH4CPMwfZje6hc1aaOmvMnEYcf7YIDZg8uTomaa6tpeczxI2QI1rmIDPOwmtJyJi0AZ5ykCaDo7DOMUSiwh71P' +
    'o9NZyw+G7h14Vb8vVp4yH1XLQhqiG3kNpcYOJD1wxQ0u71LN2xoq+UxFjkUU4u1j+8112M+F1NcLO+bxZNCOhs4e7e5uoSu2zGJozpPedP9eKD' +
    'R7ygL9cDcdOoIm8A49zNtO2oQv+hBx1LjqMFncM2WCDInfuK93VSHGaNzQHtaqgGjL1KqNKsc+xh3IK3ozPzQ2rKJjyQYW0hbn8zWLK0UOGvHZ' +
    'OWuqU6BIj0pmgJS09IQhRxbY9+8XyXYUqcePJC2Idcz/Lk15am93OLdLNG1gxIYtJ4ZduX1DGRFDga2dVMAXgeObrikkYEaat0jyyeJTOky2iH' +
    'GuVTBRCqjCIt9eA80Vlge3BiKnGeydle18LYu54FARhsCckYEDjutKa6Qd/o5c2qjm/D1pQCUAT8bAQJ3AAAAGiaOAcAAd4KvBEAAEaJkes+MA' +
    '2LAgAAAAABWVo=',
)

/** XZ, LZMA2 alone, CRC64: the form of a package's data. */
export const XZ_PLAIN: Uint8Array = decode(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Ai7BRxdAAACDV/5ObM2iLWRs50/15yQ0toBcjXCq0Xcmg5Bq8lE8AyEgyc+jvdtSlRKvuAfv9u5ZP' +
    'Zu9M7rsXGhqer+mBM8JnPTgKEL5W/OibHI6+Mm5QVCihQJ7YIlhQsxeGI4/2r1oBvleqtRAsPoXd0AIy8b/IcBwgAoCGTRoW3habuQ6V8cT5yc' +
    'ZLYVx0wkh1h/5uFKAGem2TW2IrDEj5vG95soFxE969ZUzoUrNDBKCmJtBe7TDGd7mmkYUjrGviqmFuopRoyv1za15ggzmAKgXB38VUYkYA7/1l' +
    'tiO7d/T80QcgLBWACVI/LYSkEabP4FH22DN+jAQAwk/2XKelUvmB1D9tqGfHIJ6DkcUA+G8Ym6Zd1ejDpUiu+HJ2pmQ0ZiU+uR+Q4ocrJev9zF' +
    'wmbeokgzP48lvQnZMfNnLL5ttDmbkPHv+XNlB0wYw2DOZKSfp53HeqUB7/RaBPnKyoYgfEMwoNDxZwVRm+TOJPbE/m2yx0E5rq7gthAyyun4t3' +
    '9Jv8fQMOqjZJBwAJAnbNWyR+399gBVySe1uRNpYtP/8fhBHiYD5H3YE644/XW1PkSHctStg4/uWAJqNekKRKyOhzGPCFA8lwc5ZLxEE/pDY1wl' +
    'KuQwBb76aumlHqBVDfLxSXXzzM7ZyCpSorNVS9PT0NBLme10bKDdn3QVIoxE3oE0dMrmExHgae1k0nhyaNRvoRSya6XE6JTnxM6h8cndBrmNFr' +
    '19Xg2S4qeSBgx1dAV6bK+q5a8uJnQ1It8trI3Ks6LZLVJDB4cpXOCz2bOxzgAJLbz5gSa8JTUeFw/Air4HHjCE/DYMJIeaEioTasebbimQvt+k' +
    '9zMJm4Fu9B6Qse4YBIqMfA8Wwi/O+lHdhVylspupHAunfCzjE7wYFvgm5Hg9WzMx5aUCx5uoVu3Mn2+DDB+gkGyyE9NtisfFM8IDigsJcb8K+E' +
    'qc0EPasxzvG3VJ+hNRB5NiDGRu3YJYL9aSCWnNvy0i4rj/wpCv/Jgg0F8nsNcEB7kkc37WudObxD79YxCSOBVxGydBr4arQnwmWAN6sM2V80yf' +
    '9K9IOObHrzwFbynzuWG6wHcktHtJ5grq784CPR8GvHDwhFuRpS5knfu6D+ISDo0Xz5SgUKL+MlHobfAxe0PMwKXIwHnPRwfFpRBCjzL8B4PEfO' +
    '7yGDmSpGIUXAQTge3g6nDC4f296uupBbqtlhnNGut0SgEpaWLib6ealM4lEPFYMlVOy9nCUWS0xVd9NII5YU5BVI9bAiZ5iChUJLspxCFf1MJw' +
    'Gy83HnD6iLPyQ2/Top7i4KWinAjRla6/2tC/0VAIHe/PKoAW5dMC6Pk/TjxDcE0OVvEd94q0+xKJ8gXxa1l8k/dV8x7kp8FKtUXDihkCI3mqLS' +
    'pAMT0/NM545rLgK+OL8CF3Z9IR+7yVGJKTo5qvie+LuuCFiIyC87APiD6WBrw2iYeCikkeEeLoHWXGjJeWAJyYiZcvaI0GldbVG6pvfFqpQ9SA' +
    'O5ZxHJUzgBVqnyzJXXaVfOdVD6BaJk9S2FEdOg7UkW/jG8jpuVeCs2h81IOowwmzHwbpAchkCAw/7sHnTJ8fdoWejy8MRKYUWEOuLEyuZJmrDz' +
    'nIYGyN4UBBxJG0w4Ml81oGgAh/9TzZVuTp81ElMeGxfud2nkxYJMf2V2QLr0Q3k809Q/CwFYfQu1y0Ksp+E7ats09xCbaRG+dGFk8btZSpf+2X' +
    'phBa0RD3Yjcb2Wm67ANXToiNAACAM8jrypHUAAABuAq8EQAAAWU8NbHEZ/sCAAAAAARZWg==',
)

export const ZSTD: Uint8Array = decode(
  'KLUv/QRodScAKoIYEjYQeWE5V2EKiogVN6sFdUnjdqkcgQIzUfhkRQXMWkSLd4H4GcJSpNAGZFRAGwc1EREipZRSyhQKAR0BCgFpVHOl3rQl2B' +
    'YAC7KdAJKuft2s/FVskS1GYZMe5W2bjLVShAV/HDek+7DfvK/w6B6PPlvqwDaa+7sIwKZqtahTPPdK6dtCkzUy37Clgc583IdmcjglJ2tpPOBK' +
    'y/+ctFM9kZMZj1Tv0EhamqS2qj0qCv2fIDEfvbO2p0ymtV8LD/zvEDfTiVe+cfrM7JBu2hPczlz7Agk/Hn5kzfC/wvJR13QjclZ65B85hVVYSe' +
    'n2WFZNIYuE06IWmcgrrLlrjQGfydAMnpv133+LJzz9c8SQ1Ko5KRpnGsuwY2f9OoRIw5Mq/LkAIu1GZqhpP7KDvWvfVLt+OP03e1aIY1bSlgM+' +
    'a9Hcvts5kjMhbM1Ea+bDZEjyuplN+7eKlPSyPxZYuFL079CRPxU2MqnW/F25CnYqiFd0NkYzYGC7dquCNOm0y/6oE6UlCnyD0/8USvjfQoYHW0' +
    'eltpzIvwsIXNL2xQ4R8r+Ch8xX/vHM528xE7Tpz8UH+XTbHBI7UjJyz6x/HDTSUMx3f1IkI66dvw4PXEi9OacfRgU8NSZGRoRtceA/CyV8R22N' +
    'BZJoaJBtDQ5SiDq/DgH8dxEFCPm/bmOEkDXDq3bs7oelVoLT/34fmXZ6/L/550jBNHJmQq0QkJluZbyQfxVOa82HlLJqYUy200O2MSBwC8AAzs' +
    'zCamuJFBFqYxCRWOmkXfLvSMHFOu9H09m7krq2t4OLNK1nZuu2skFWCAd7Mi3NCDaFNYLlutmH3Ter7n080pnPnNLBFaMijZAJYu1q9FdxgXt3' +
    'WiQrZzqLVLazkG5IzNm2tR5cm0oQ2daNdP50f4t/Dinc0sAgaYioWNWaDhVRTTsjA/evaeTO/vfgNuds+rylJ4d15rdHNqupE2xPgkRBaluCke' +
    'x+HAdkK8MFIxqRoMzk3Zz8c4bKzjatnSMym7f/yPxx2JDv8+T8eDxpqrdJCUvQpI86e1aEWQ9KTecevv3rsGGsotCfhiWStjGMMCK27++sbaP7' +
    'c0RguTqzoVbMEG2u8+Yj6ZGP283nr8UJRpIywX0WkHNlJFerUH8rksjCwXfajbOlE2znrvLWEjIplMH800b5PtMBU8zH45GlIT9aU5HMYK3OTp' +
    'CkR1dl933kI/+vkHRYIqFa2xdcvJGWBgopNVimruLnw3hCWA+n3T7SRW1tYJIRKdkMTue/QofbGA7k0226j2fO0FxhWxY68PubDEl8172rmQkV' +
    '2dXrpjuVwyFDZg79VCiQJnbVwqAhs2dT7YsffPhP0YJJsP9n3YoBeXI3+ecYIn8cCfiRrYvt2WCqCjlGY2Ju+76PzKlmmfTHooEsCl1bs+E7bM' +
    '2QSNu5kRUsXaXkrJ2BQLYwavjs0vbjUdu9jQizFZErbGdUYDK7w2mdz3+KIFxtY0CRPxc4ZD3+Zzo7VjoqQ6Lxo49sa4zgFkZdRb8zD2Hw/JHN' +
    '/u9tbQvjRr7Zusr9WjSRASkoUMZMTdoGwPYBk66iuFBApN+0BVrM38C/kETQZYi/X6IxCptIcFEZQr1n3uq25K6DZvrnE7jY9yzXTTxFGplHhA' +
    'cQEmcVFXHPKkI/JCg+ce2mYGLaLCfdXko1kdBJPhNNQQKklURv',
)
