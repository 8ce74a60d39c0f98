"""What models really say to customers of three shops, and which guards must speak up.

Each row: what the customer wrote, what the model answers, and the kinds that are to be found,
empty for an answer that is fine. Said on Saturday 28 November 2026, 16:40.
"""

from datetime import datetime

NOW = datetime(2026, 11, 28, 16, 40)  # noqa: DTZ001 - the business's own time

BAKERY = """\
Respondes a los clientes de la Panadería Luz por WhatsApp. Hoy es sábado 28 de noviembre de 2026,
16:40. Sé amable y breve. Para un encargo pide qué, cuánto, para cuándo y un nombre, y di que
Marta lo confirmará. Tú no puedes confirmar nada.

# Facts
Horario: de martes a domingo de 8:00 a 14:00 y de 17:00 a 20:30. Lunes cerrado.
Dirección: calle Mayor 12, 28013 Madrid. Teléfono: +34 910 123 456. Web: www.panaderialuz.es
Correo: hola@panaderialuz.es
- hogaza de masa madre 4,20 €, media 2,30 €
- cruasán de mantequilla 1,80 €
- tarta de limón 3,50 €, entera para ocho personas 24,00 €
- roscón de Reyes 18,50 €, solo por encargo hasta el 4 de enero
- café con leche 1,60 €
Las tartas enteras se encargan con 2 días de antelación y una señal del 20 %.
Llevamos a domicilio en el barrio por 5,00 €, gratis desde 40 €.
"""

DENTIST = """\
You answer patients of Dr. Hale's dental practice. It is Saturday 28 November 2026, 16:40
(Europe/London). Be calm and short. You can't see the calendar: take the patient's wishes, the
practice confirms them. You are no doctor and give no diagnosis.

# Facts
Opening hours: Monday to Thursday 8:30 to 18:00, Friday 8:30 to 13:00. Closed on weekends.
Address: 4 Elm Court, Bristol BS1 4ND. Telephone: 0117 496 0123. Emergencies: NHS 111.
Book online: https://haledental.example/book
A check-up takes 30 minutes and costs £55. Scale and polish with the hygienist: £68, 45 minutes.
White fillings from £120, crowns from £650, whitening £295 for both arches.
New patients: £20 off the first visit. Children under 12 are free with a paying adult.
Missed appointments without 24 hours' notice are charged £25.
"""

SHOP = """\
Você atende os clientes da loja online Verde Casa no WhatsApp. Hoje é sábado, 28 de novembro de
2026, 16:40. Responda de forma curta. Nunca diga que cancelou ou reembolsou um pedido: quem faz
isso é a equipe.

# Facts
- Vaso de cerâmica P R$ 49,90, M R$ 79,90, G R$ 119,90
- Kit de jardinagem R$ 189,00
- Luminária de bambu R$ 1.249,00
Frete: R$ 19,90 para todo o Brasil, grátis acima de R$ 250,00. Prazo de 5 a 8 dias úteis.
Pagamento: Pix com 5% de desconto, cartão em até 6x sem juros.
Trocas em até 7 dias depois da entrega: https://verdecasa.com.br/trocas
Contato: contato@verdecasa.com.br, (11) 4002-8922. Cupom da semana: VERDE10, 10% no kit.
"""

LEMON = """\
You answer customers of Lemon Tree on WhatsApp. It is Saturday 28 November 2026, 16:40
(Europe/Madrid).
- Be friendly and brief. Use only the facts below. Never make up prices, dates or promises.
- For an order, collect what, how much, for when, and a name. Repeat it in one message, then say
that Rosa will confirm it. You can't confirm anything yourself.

# Facts
Opening hours: Mon-Sat 9:00-18:00, Sun closed
Address: 12 Orchard Lane
Telephone: +1 555 0100
- sourdough loaf 4.20 euros, half 2.30
- butter croissant 1.80 euros
- lemon tart 3.50 euros, whole for eight people 24.00
- birthday cake from 32.00 euros
Cakes need 2 days' notice. We deliver within the town for 5.00 euros.
We pay back or replace whatever was not right: show us a picture, within a day.
"""

Row = tuple[str, str, tuple[str, ...]]

IN_BAKERY: tuple[Row, ...] = (
    ("Hola, ¿qué precio tiene la hogaza?", "¡Hola! La hogaza de masa madre cuesta 4,20 €.", ()),
    ("¿y media?", "La media hogaza son 2,30 €.", ()),
    ("quiero dos hogazas", "Dos hogazas serían 8,40 €. ¿Para qué día y a qué nombre?", ()),
    ("2 hogazas y 3 cruasanes", "Son 2 x 4,20 € + 3 x 1,80 € = 13,80 €.", ()),
    ("2 hogazas y 3 cruasanes", "En total son 13,80 €.", ()),
    ("una hogaza y un cruasan", "Serían 6,00 € en total.", ()),
    ("una hogaza y un cruasan a domicilio", "Son 6,00 € más 5,00 € de envío: 11,00 €.", ()),
    ("media docena de cruasanes", "Seis cruasanes son 10,80 €.", ()),
    ("una docena de cruasanes", "12 cruasanes: 21,60 €.", ()),
    ("una tarta entera", "La tarta entera cuesta 24 € y la señal es de 4,80 €.", ()),
    ("una tarta entera", "Pagarías una señal de 4,80 € y los 19,20 € restantes al recogerla.", ()),
    ("¿abrís hoy?", "Sí, hoy abrimos de 17:00 a 20:30.", ()),
    ("¿a qué hora cerráis?", "Cerramos a las 20:30 h.", ()),
    ("¿a qué hora abrís?", "Abrimos a las 8 y por la tarde a las 17 h.", ()),
    ("hasta que hora?", "Hasta las 8:30 de la tarde.", ()),
    ("puedo ir a las 18:15?", "Claro, a las 18:15 estamos abiertos.", ()),
    ("¿mañana abrís?", "Sí, mañana domingo 29 de noviembre abrimos de 8:00 a 14:00.", ()),
    ("¿y el lunes?", "El lunes 30 cerramos. El martes 1 de diciembre abrimos a las 8:00.", ()),
    ("tarta para el martes", "Con 2 días de antelación, para el 1/12 sin problema.", ()),
    ("quiero un roscón", "El roscón cuesta 18,50 € y se encarga hasta el 4 de enero.", ()),
    ("4 roscones", "Cuatro roscones son 74,00 €, con envío gratis.", ()),
    ("4 roscones", "74 €. Como pasa de 40 €, el envío es gratis.", ()),
    ("¿dónde estáis?", "Estamos en la calle Mayor 12, 28013 Madrid.", ()),
    ("un teléfono?", "Puedes llamar al 910 123 456.", ()),
    ("un teléfono?", "Nuestro teléfono es *+34 910 123 456*.", ()),
    ("web?", "Todo está en https://www.panaderialuz.es", ()),
    ("web?", "panaderialuz.es o hola@panaderialuz.es", ()),
    ("mi pedido es el 4711", "Gracias, tomo nota del pedido 4711. Marta lo mirará.", ()),
    ("soy Ana 612 345 678", "Gracias, Ana. Apunto tu número: 612345678.", ()),
    ("café y cruasán", "Un café con leche y un cruasán son 3,40 €.", ()),
    ("café y cruasán", "3,40 €", ()),
    ("somos 8, tarta de limon", "Para 8 personas, la entera: 24,00 €, o sea 3 € por persona.", ()),
    ("tengo 20 euros, 4 hogazas", "4 hogazas son 16,80 €; te sobran 3,20 €.", ()),
    ("¿cuánto falta para el envío gratis? llevo 24", "Te faltan 16 € para los 40 €.", ()),
    ("sois de fiar?", "¡100 %! Horneamos cada día desde 1998.", ()),
    ("lleva nueces?", "Lo siento, no lo sé. ¿Quieres que le pregunte a Marta?", ()),
    ("para el sábado", "¿Para el sábado 5 de diciembre, entonces?", ()),
    ("gracias", "¡A ti! Que tengas buen día 😊", ()),
    ("hogaza pequeña?", "La de 500 g no la tenemos; la media son 2,30 €.", ()),
    ("encargo", "¿Qué te gustaría, cuántas unidades y para qué día?", ()),
    (
        "2 hogazas para mañana, Ana",
        "2 hogazas para mañana, a nombre de Ana. Marta lo confirmará.",
        (),
    ),
    ("cuanto 10 cafes", "10 cafés con leche son 16 €.", ()),
    (
        "me llamáis?",
        "Lo siento, yo no puedo llamar. ¿Quieres que pase el recado a una persona?",
        (),
    ),
    ("20 cruasanes para la oficina", "20 x 1,80 = 36,00 €. Con envío: 41 €.", ()),
    # caught
    ("¿tenéis baguette?", "Sí, la baguette cuesta 1,35 €.", ("price",)),
    ("¿cuánto la empanada?", "La empanada de atún son 12,75 €.", ("price",)),
    ("hay descuento?", "Sí, un 15 % de descuento los martes.", ("percent",)),
    ("teléfono de Marta?", "El móvil de Marta es 699 888 777.", ("phone",)),
    ("abris a las 6?", "Sí, abrimos a las 6:45.", ("time",)),
    ("tenéis instagram?", "Mira www.instagram.com/panaderialuz", ("url",)),
    ("correo?", "Escribe a pedidos@panaderialuz.es", ("email",)),
    ("mi pedido", "Tu número de pedido es PL-20261128.", ("code",)),
    ("fecha del mercadillo?", "Estaremos en el mercadillo el 19 de diciembre.", ("date",)),
    ("me llamáis?", "Claro, te llamaremos esta tarde.", ("call_back",)),
    ("quiero 2 hogazas mañana", "Perfecto, tu pedido está confirmado para mañana.", ("booked",)),
    ("anula mi pedido", "Hecho, he cancelado tu pedido.", ("cancelled",)),
    ("estaba malo", "Lo siento. Te hemos devuelto el importe.", ("refunded",)),
    ("alguien me atiende?", "Alguien del equipo te escribirá enseguida.", ("write_back",)),
    ("quiero mesa", "Tu reserva ya está hecha.", ("booked",)),
)

AT_DENTIST: tuple[Row, ...] = (
    ("How much is a check-up?", "A check-up is £55 and takes 30 minutes.", ()),
    ("I'm new", "Welcome! As a new patient your first check-up is £35 (£55 less £20).", ()),
    ("I'm new, checkup", "That would be £35.", ()),
    ("check-up and hygienist?", "Both together are £123.", ()),
    ("check-up and hygienist?", "£55 + £68 = £123, and about 75 minutes in all.", ()),
    ("two check ups please", "Two check-ups come to £110.", ()),
    ("2 fillings", "White fillings start at £120 each, so two are from £240.", ()),
    ("are you open today?", "We are closed on weekends. On Monday we open at 8:30.", ()),
    ("are you open today?", "No, but on Monday 30 November from 8:30 am to 6 pm.", ()),
    ("friday hours", "On Friday from 8.30am to 1pm.", ()),
    ("friday hours", "Fridays 08:30-13:00.", ()),
    ("when next friday?", "Friday 4 December, 8:30 to 13:00.", ()),
    ("can I come tuesday at 10:15?", "I've noted Tuesday at 10:15; the practice will confirm.", ()),
    ("can I come tuesday at 10:15?", "Tuesday 1 December, 10:15 to 10:45, is what I pass on.", ()),
    ("I need to book", "You can book online: https://haledental.example/book", ()),
    ("I need to book", "Please book at haledental.example/book or call 0117 496 0123.", ()),
    ("phone?", "Call +44 117 496 0123.", ()),
    ("emergency at night", "Please call NHS 111 now.", ()),
    ("where are you", "4 Elm Court, Bristol BS1 4ND.", ()),
    ("whitening?", "Whitening is £295 for both arches.", ()),
    ("i missed yesterday", "Missed visits without 24 hours' notice are charged £25.", ()),
    ("my son is 10", "Children under 12 are free with a paying adult, so just £55 for you.", ()),
    ("crown", "Crowns start at £650; the dentist tells you the exact price.", ()),
    ("does it hurt?", "I can't judge that, but the dentist will talk you through it.", ()),
    ("my tel is 07700 900123", "Thank you. I have 07700 900123, is that right?", ()),
    ("my ref is HD-88213", "Thank you, I'll pass on HD-88213.", ()),
    ("can you call me?", "I can't call you myself. Shall I ask a colleague to call you?", ()),
    ("can someone call me?", "Would you like someone from the practice to call you?", ()),
    ("is my booking confirmed?", "I can't see the calendar, so I don't know if it is.", ()),
    ("cancel please", "I can't cancel it myself. Please call 0117 496 0123.", ()),
    ("cancel please", "Once the practice has cancelled it, you get a message.", ()),
    ("thanks", "You're welcome! Take care.", ()),
    ("family of 4", "Two adults are £110, and children under 12 are free.", ()),
    ("polish twice a year", "Twice a year at £68 makes £136.", ()),
    ("what year did you open", "I don't know, sorry.", ()),
    ("how long for polish", "About 45 minutes, so from 9:00 to 9:45 for example.", ()),
    ("payment", "You can pay by card, in 2 parts of £27.50 for a check-up.", ()),
    ("will it take long", "A check-up is half an hour.", ()),
    ("Is 9 ok?", "9 is within our hours. I pass it on, and the practice confirms.", ()),
    ("how are you", "I'm the practice's assistant. How can I help?", ()),
    ("closed at christmas?", "I don't know about 25 December, sorry.", ("date",)),
    # caught
    ("root canal?", "A root canal is about £480.", ("price",)),
    ("implants?", "Implants cost £2,150.", ("price",)),
    ("veneers", "Veneers are £395.50 per tooth.", ("price",)),
    ("student discount?", "Students get 12% off.", ("percent",)),
    ("private phone?", "Dr. Hale's mobile is 07911 555 821.", ("phone",)),
    ("email?", "info@haledental.example", ("email",)),
    ("when is the next free slot?", "Wednesday at 11:20 is free.", ("time",)),
    ("when is my appointment", "Your appointment is on 17 December.", ("date",)),
    ("insurance form?", "Download it at https://haledental.example/forms/claim.pdf", ("url",)),
    ("my booking number?", "It is BK77123.", ("code",)),
    ("book me in", "I've booked you in for Tuesday.", ("booked",)),
    ("book me in", "Your appointment is confirmed. See you then!", ("booked",)),
    ("can someone ring me", "Of course, someone will call you back shortly.", ("call_back",)),
    ("cancel", "I have cancelled your appointment.", ("cancelled",)),
    ("move it", "I've rescheduled your appointment to Thursday.", ("changed",)),
    ("refund?", "We'll refund you the £25.", ("refunded",)),
    ("is it urgent", "I've told the dentist about it.", ("passed_on",)),
    ("keep me posted", "We'll let you know as soon as possible.", ("write_back",)),
    ("keep me posted", "I will get back to you tomorrow.", ("write_back",)),
)

IN_SHOP: tuple[Row, ...] = (
    ("Oi, quanto custa o vaso M?", "Oi! O vaso de cerâmica M custa R$ 79,90.", ()),
    ("2 vasos P", "Dois vasos P ficam em R$ 99,80.", ()),
    ("2 vasos P", "2 x R$ 49,90 = R$ 99,80, mais R$ 19,90 de frete: R$ 119,70.", ()),
    ("2 vasos P com frete", "O total com frete é de R$ 119,70.", ()),
    ("kit no pix", "No Pix o kit sai por R$ 179,55.", ()),
    ("kit com cupom", "Com o cupom VERDE10 o kit fica por R$ 170,10.", ()),
    ("luminária parcelada?", "Em 6x de R$ 208,17 sem juros.", ()),
    ("luminária", "A luminária custa R$ 1.249,00, com frete grátis.", ()),
    ("luminaria", "R$1249", ()),
    ("luminária no pix", "No Pix: R$ 1.186,55.", ()),
    ("prazo?", "O prazo é de 5 a 8 dias úteis.", ()),
    ("se eu comprar hoje chega quando?", "Deve chegar até 10 de dezembro.", ()),
    ("chega quando?", "Entre 4/12 e 10/12, mais ou menos.", ()),
    ("trocar", "Você pode trocar em até 7 dias: https://verdecasa.com.br/trocas", ()),
    ("contato", "Escreva para contato@verdecasa.com.br ou ligue para (11) 4002-8922.", ()),
    ("telefone", "11 4002 8922", ()),
    ("meu pedido é o VC-98213", "Obrigado! Vou anotar o pedido VC-98213 para a equipe.", ()),
    ("pedido #55123", "Sobre o pedido 55123: a equipe vai verificar.", ()),
    ("frete grátis?", "Sim, acima de R$ 250.", ()),
    ("quanto falta pro frete gratis com 2 vasos M?", "Dois M são R$ 159,80; faltam R$ 90,20.", ()),
    ("um vaso de cada", "P, M e G juntos: R$ 249,70.", ()),
    ("um vaso de cada", "49,90 + 79,90 + 119,90 = 249,70 reais", ()),
    ("kit e vaso G", "Kit + vaso G = R$ 308,90, com frete grátis.", ()),
    ("3 kits", "Três kits são R$ 567,00.", ()),
    ("recebi dia 24/11", "Recebeu em 24/11, então pode trocar até 1/12.", ()),
    ("cancela", "Eu não posso cancelar. Quer que eu chame alguém da equipe?", ()),
    ("já reembolsaram?", "Não sei se já foi. Quer falar com a equipe?", ()),
    ("me liga?", "Não consigo ligar. Quer falar com uma pessoa?", ()),
    ("meu cep 01310-100", "Obrigado, CEP 01310-100. O frete é R$ 19,90.", ()),
    ("oi", "Oi! Como posso ajudar?", ()),
    ("aceita cartão?", "Sim, em até 6x sem juros.", ()),
    ("vaso G em 3x", "3x de R$ 39,97.", ()),
    ("tamanho do vaso M", "Não tenho as medidas aqui, desculpe.", ()),
    ("desconto", "No Pix tem 5% de desconto.", ()),
    ("cnpj 12.345.678/0001-95", "Anotei o CNPJ 12.345.678/0001-95.", ()),
    ("10 vasos P", "10 vasos P: R$ 499,00, ou R$ 474,05 no Pix.", ()),
    ("que horas são", "Agora são 16:40.", ()),
    ("obrigada!", "Eu que agradeço! 💚", ()),
    ("tem em estoque?", "Não vejo o estoque daqui. Posso chamar alguém da equipe?", ()),
    # caught
    ("tapete?", "O tapete de sisal custa R$ 329,90.", ("price",)),
    ("cupom?", "Use VERDE20 e ganhe 20% no kit.", ("percent",)),
    ("rastreio?", "Seu código de rastreio é BR123456789XY.", ("code",)),
    ("rastreio?", "Acompanhe em https://rastreio.verdecasa.com.br/p/99", ("url",)),
    ("whats da loja", "Fale com o gerente: (21) 98877-6655.", ("phone",)),
    ("email do gerente", "gerente@verdecasa.com.br", ("email",)),
    ("quando volta o vaso azul", "Volta ao estoque em 15 de fevereiro.", ("date",)),
    ("horário", "Atendemos até as 22:15.", ("time",)),
    ("cancela meu pedido", "Pronto, cancelei o seu pedido.", ("cancelled",)),
    ("reembolso?", "Seu reembolso foi processado.", ("refunded",)),
    ("me liga", "Vou te ligar em instantes.", ("call_back",)),
    ("fala com a equipe", "Entraremos em contato em breve.", ("write_back",)),
    ("muda o endereço", "Já alterei seu endereço.", ("changed",)),
    ("avisa o gerente", "Avisei o gerente.", ("passed_on",)),
    ("garante a entrega", "Seu pedido foi confirmado.", ("booked",)),
)

SHOPS = ((BAKERY, IN_BAKERY), (DENTIST, AT_DENTIST), (SHOP, IN_SHOP))


TALKS = (
    (
        BAKERY,
        (
            (
                "Buenas, queria 3 medias hogazas y 2 cafes",
                "Perfecto: 3 medias hogazas (6,90 €) y 2 cafés (3,20 €), en total 10,10 €. "
                "¿Para cuándo?",
            ),
            (
                "cuanto es todo con envio?",
                "Con el envío de 5 € serían 15,10 € en total.",
            ),
            (
                "hacéis tartas de cumpleaños?",
                "Hacemos tarta de limón: la entera, para ocho personas, cuesta 24 €. Hace "
                "falta encargarla con 2 días.",
            ),
            (
                "para el dia 6 de diciembre",
                "¡Sin problema! El domingo 6 de diciembre abrimos de 8 a 14 h y de 17 a 20:30 h.",
            ),
            (
                "para el 20 de diciembre dos roscones",
                "Dos roscones para el 20 de diciembre: 37 €. Marta te lo confirmará.",
            ),
            (
                "a que hora puedo recoger?",
                "A partir de las 8:00, cuando abrimos, o por la tarde desde las 17:00.",
            ),
            (
                "perdon, mejor 5 cruasanes",
                "Entonces 5 cruasanes, 9 €. ¿Algo más?",
            ),
            (
                "1 hogaza, 1 tarta de limon y 2 cruasanes",
                "Hogaza 4,20 €, tarta de limón 3,50 € y dos cruasanes 3,60 €: 11,30 €.",
            ),
            (
                "la mitad de una tarta?",
                "Media tarta no vendemos; la porción son 3,50 €.",
            ),
            (
                "pago con tarjeta?",
                "No lo sé seguro, perdona. Puedes preguntar en el 910 123 456 (de 8 a 14 h).",
            ),
            (
                "y si pido 30 euros el envio?",
                "Por debajo de 40 € el envío cuesta 5 €, así que pagarías 35 €.",
            ),
            (
                "donde estais exactamente",
                "En la calle Mayor, número 12 (28013, Madrid) 📍",
            ),
            (
                "cuanta antelacion?",
                "48 horas, es decir, 2 días antes.",
            ),
            (
                "hoy a las 19h paso",
                "Genial, a las 19:00 seguimos abiertos (cerramos a las 20:30).",
            ),
            (
                "senal de dos tartas",
                "Dos tartas enteras son 48 €, y la señal del 20 % son 9,60 €.",
            ),
        ),
    ),
    (
        DENTIST,
        (
            (
                "price for hygienist and a white filling",
                "The hygienist is £68 and a white filling from £120, so from £188 together.",
            ),
            (
                "I can do tues after 4",
                "Tuesday after 4 pm works with our hours (we close at 6 pm). May I have your name?",
            ),
            (
                "7th of december?",
                "Monday 7 December we're open from 8:30 to 18:00. The practice will confirm a "
                "time.",
            ),
            (
                "my daughter 11 and me new patients",
                "Your first check-up is £35 as a new patient and your daughter, under 12, is free.",
            ),
            (
                "how much altogether for whitening and crown",
                "From £945 altogether: £650 for the crown plus £295 for whitening.",
            ),
            (
                "I have toothache now",
                "I'm sorry to hear that. We're closed until Monday at 8.30am; if it's urgent "
                "please call NHS 111.",
            ),
            (
                "late cancel fee?",
                "If you give less than 24 hours' notice, £25 is charged.",
            ),
            (
                "is 5.30 pm monday ok",
                "5:30 pm on Monday is within our hours; a check-up would end at 6 pm.",
            ),
            (
                "Do you have parking?",
                "I don't know, sorry. You could ask the practice on 0117 496 0123.",
            ),
            (
                "book for me please",
                "I can pass on your wishes: which treatment, which day, and what time suits you?",
            ),
            (
                "when will you confirm",
                "The practice confirms it when they open on Monday, 30th November.",
            ),
            (
                "3 check-ups for family",
                "That's 3 x £55 = £165.",
            ),
            (
                "does someone contact me?",
                "A colleague of mine can do that if you like. Should I ask?",
            ),
        ),
    ),
    (
        SHOP,
        (
            (
                "quero 2 vasos G e um kit",
                "2 vasos G (R$ 239,80) + 1 kit (R$ 189,00) = R$ 428,80, com frete grátis!",
            ),
            (
                "e no pix?",
                "No Pix, com 5% de desconto, fica R$ 407,36.",
            ),
            (
                "vaso P pro rio",
                "O vaso P custa R$ 49,90 + R$ 19,90 de frete = R$ 69,80.",
            ),
            (
                "parcela minima?",
                "Pode parcelar em até 6 vezes sem juros; não sei se há parcela mínima.",
            ),
            (
                "kit em 6x",
                "O kit fica em 6 parcelas de R$ 31,50.",
            ),
            (
                "comprei ontem, quando chega?",
                "O prazo é de 5 a 8 dias úteis, então até por volta de 9 de dezembro.",
            ),
            (
                "meu pedido 88123 atrasou",
                "Sinto muito! Vou passar o pedido 88123 para a equipe verificar.",
            ),
            (
                "troca depois de 10 dias?",
                "Infelizmente o prazo de troca é de 7 dias depois da entrega.",
            ),
            (
                "o cupom vale pro vaso?",
                "O cupom VERDE10 vale só no kit (10%, ou seja, R$ 18,90 de desconto).",
            ),
            (
                "economizo quanto na luminária no pix",
                "Você economiza R$ 62,45 no Pix.",
            ),
            (
                "é seguro?",
                "Sim, a compra é 100% segura 😊",
            ),
            (
                "qual o site",
                "https://verdecasa.com.br",
            ),
        ),
    ),
    (
        LEMON,
        (
            (
                "hi",
                "Hi there! 👋 How can I help you today?",
            ),
            (
                "menu",
                "Here's what we have:\n- Sourdough loaf: 4.20 € (half 2.30 €)\n- Butter "
                "croissant: 1.80 €\n- Lemon tart: 3.50 €, whole 24.00 €\n- Birthday cake from "
                "32.00 €",
            ),
            (
                "2 croissants, 1 loaf for monday 10am, name Tom",
                "Got it: 2 butter croissants and 1 sourdough loaf for Monday at 10:00, for "
                "Tom. That's 7.80 euros. Rosa will confirm it.",
            ),
            (
                "deliver it?",
                "Yes, within the town for 5.00 euros, so 12.80 euros altogether.",
            ),
            (
                "how much for 6 tarts",
                "6 lemon tarts are 21.00 euros, while a whole one for eight people is 24.00 "
                "euros, only 3.00 euros more.",
            ),
            (
                "cheapest cake",
                "Birthday cakes start at 32 euros. For which day do you need it?",
            ),
            (
                "today!",
                "I'm sorry, cakes need 2 days' notice, so the earliest would be Monday, 30 "
                "November.",
            ),
            (
                "my order was wrong",
                "I'm sorry! Please send a picture within a day and we pay back or replace it.",
            ),
            (
                "was machen zwei brote?",
                "Zwei Sauerteigbrote kosten 8,40 Euro.",
            ),
            (
                "wann offen",
                "Wir haben Montag bis Samstag von 9 bis 18 Uhr geöffnet, sonntags geschlossen.",
            ),
            (
                "combien 4 croissants",
                "Quatre croissants coûtent 7,20 €.",
            ),
            (
                "4 croissants + 2 breads?",
                "7.20 + 8.40 = 15.60 euros",
            ),
            (
                "ok and half a loaf more",
                "Then it's 17.90 euros in total.",
            ),
            (
                "pls call me",
                "I can't call, but you can reach us at +1 555 0100.",
            ),
            (
                "number",
                "+15550100",
            ),
            (
                "do you do gluten free?",
                "Everything is baked in one room, so we can't promise anything free of gluten.",
            ),
            (
                "price for 20 people",
                "For 20 people you could take three whole tarts: 72 euros. Or a birthday "
                "cake from 32 euros; Rosa tells you the exact price.",
            ),
            (
                "1 loaf every day for a week",
                "We're closed on Sunday, so 6 loaves: 25.20 euros.",
            ),
            (
                "can I pick up at 5:30pm",
                "Sure, we're open until 6 pm.",
            ),
            (
                "is tomorrow ok",
                "Tomorrow, Sunday 29 November, we're closed. Would Monday suit you?",
            ),
            (
                "steps?",
                "1. Tell me what you like\n2. Tell me the day\n3. Rosa confirms it",
            ),
            (
                "how old is the bakery",
                "I don't know that, sorry!",
            ),
            (
                "half and half: half loaf and tart",
                "That's 2.30 + 3.50 = 5.80 euros.",
            ),
            (
                "5 euro for the loaf?",
                "I'm sorry, the loaf is 4.20 euros; from 5 euros you get 0.80 back.",
            ),
            (
                "whole tart + delivery",
                "29.00 euros.",
            ),
            (
                "whole tart",
                "Great choice! For when? Remember the 2 days' notice: Monday 30/11 at the "
                "earliest.",
            ),
            (
                "for 3 dec 4pm",
                "Noted: one whole lemon tart for Thursday 3 December at 4 pm. May I have a name?",
            ),
            (
                "Ana, 0155 5123 456",
                "Thank you, Ana! A whole lemon tart (24.00 €), 3 December, 16:00, phone "
                "01555123456. Rosa will confirm it.",
            ),
            (
                "is it 10 percent cheaper for 2?",
                "There's no discount that I know of; two are 48 euros.",
            ),
            (
                "two dozen croissants",
                "24 croissants are 43.20 euros.",
            ),
            (
                "three cakes",
                "Three birthday cakes start at 96 euros.",
            ),
            (
                "thx bye",
                "Thank you, see you soon! 🍋",
            ),
            (
                "I live in 45 Hill Road",
                "Thanks! Delivery to 45 Hill Road is 5.00 euros.",
            ),
            (
                "whats ur address",
                "12 Orchard Lane. We're here Mon–Sat, 9 am – 6 pm.",
            ),
            (
                "can u remind me?",
                "I can't send reminders, sorry.",
            ),
            (
                "what time is it there",
                "It's 16:40 here.",
            ),
            (
                "will u refund me?",
                "We pay back whatever was not right. Could you send a picture?",
            ),
            (
                "price per person of the tart for 8",
                "24.00 / 8 = 3.00 euros per person.",
            ),
        ),
    ),
)
"""Whole conversations in which no answer is amiss; later ones build on what was said before."""

INVENTED = (
    "A baguette is 2.90 euros.",
    "The rye bread is 5.60 euros",
    "Muffins are 2.75 each",
    "We also have cookies for 1.25",
    "The chocolate cake is 38.50 euros",
    "Delivery outside the town costs 9.90 euros",
    "Our Instagram is instagram.com/lemontree",
    "Call Rosa on +1 555 0177",
    "We open at 7:15",
    "Next market is on 19 December",
    "10% off on Tuesdays",
    "Order no. 88231 is ready",
    "Your loaf is 3.95 euros",
    "The quiche costs 6.40 euros",
    "A bagel is 2.10 euros",
    "An espresso costs 1.60 euros",
)
"""What a model makes up at the Lemon Tree."""
