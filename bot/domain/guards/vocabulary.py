"""Words that numbers are known by: counts, months, currencies, what a sum sounds like."""

COUNTS = {
    1: "one uno una um uma",
    2: "two dos dois duas couple pair par both ambos ambas each cada",
    3: "three tres",
    4: "four cuatro quatro",
    5: "five cinco",
    6: "six seis",
    7: "seven siete sete",
    8: "eight ocho oito",
    9: "nine nueve nove",
    10: "ten diez dez",
    11: "eleven once onze",
    12: "twelve doce doze dozen docena duzia",
    13: "thirteen trece treze",
    14: "fourteen catorce catorze quatorze",
    15: "fifteen quince quinze",
    16: "sixteen dieciseis dezesseis dezasseis",
    17: "seventeen diecisiete dezessete dezassete",
    18: "eighteen dieciocho dezoito",
    19: "nineteen diecinueve dezenove dezanove",
    20: "twenty veinte vinte",
    24: "veinticuatro",
    25: "veinticinco",
    30: "thirty treinta trinta",
    40: "forty cuarenta quarenta",
    50: "fifty cincuenta cinquenta",
    60: "sixty sesenta sessenta",
    70: "seventy setenta",
    80: "eighty ochenta oitenta",
    90: "ninety noventa",
    100: "hundred cien cem",
}
COUNT_OF = {word: count for count, words in COUNTS.items() for word in words.split()}
HALVES = frozenset(["half", "medio", "media", "meio", "meia", "metade", "mitad"])

MONTH_NAMES = """
january jan enero janeiro janvier januar gennaio
february feb febrero fevereiro février februar febbraio
march marzo março marco mars märz
april apr abril avril aprile
may mayo maio mai maggio
june jun junio junho juin juni giugno
july jul julio julho juillet juli luglio
august aug agosto août
september sep sept septiembre setembro septembre settembre
october oct octubre outubro octobre oktober ottobre
november nov noviembre novembro novembre
december dec diciembre dezembro décembre dezember dicembre
"""
MONTH_OF = {
    word: number
    for number, words in enumerate(MONTH_NAMES.strip().splitlines(), 1)
    for word in words.split()
}

_SUMS = """
total totals altogether together sum subtotal makes comes remaining plus save discount change
difference
suma sumando juntos juntas quedan faltan falta son seria serian descuento ahorras vuelta vueltas
diferencia
soma somando somam fica ficam faltam tudo sao seriam desconto economiza troco restantes parcelas
cuotas
"""
SUM_WORDS = frozenset(_SUMS.split())
"""Beside these a price may be one that was worked out."""

_SAY_NOTHING = """
euros euro dollars reais price prices precio precios preco precos costs cuesta cuestan custa
custam from with have what want would quiero quero para cada each desde about como esta este esse
essa please favor hola hello thanks gracias obrigado obrigada that this your more tambien tambem
which tenemos temos todos todas nuestra nuestro nosso nossa the and for you are our was not can
has its all any one two how per una uno uns umas los las del con por que mas com dos das uma nao
sim seu sua esa eso ese son hay muy ser tem ter pra pro foi vai www https
"""
COMMON = frozenset(_SAY_NOTHING.split())
"""Long words that say nothing of what somebody wants to buy."""
