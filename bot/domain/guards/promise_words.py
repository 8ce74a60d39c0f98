"""What a promise sounds like, in several languages. Add to it freely.

Phrases stand between bars. `a/b` is either word, a `_` in a word a space, `?` after a word says
that it may be missing, `..` is a gap of up to four words. Case and accents don't count. What a
business may well let its bot say (`we deliver on Friday`, `you can call us`, `your table is free`)
must not be here: only what somebody would have to do, or to have done, apart from the bot.
"""

NEGATIONS = """
not never no nobody can't cannot won't don't didn't haven't hasn't couldn't isn't aren't unable
without before until once if unless when
nunca jamás nadie sin ni antes hasta cuando si
não nem ninguém sem até quando se
"""
"""Shortly before a promise these make it none."""

PROMISES = {
    "call_back": """
    I'll/I_will/we'll/we_will just? gladly? call/phone/ring you | I'm/I_am/we're/we_are going
    to call/phone/ring you | I'll/we'll give you a call/ring | I_will/we_will give you a
    call/ring | will call/phone/ring you | someone/somebody .. will call/phone/ring
    you | colleague/team/manager .. will call/phone/ring you | expect a call | you_will/you'll
    get/receive a call from |

    te/le/os/les llamaré/llamaremos/llamará/llamarán | te/le/os/les va/vamos/van/voy a llamar
    | vamos/voy/van/va a llamarte/llamarle/llamaros/llamarles | te/le devolveré/devolveremos
    la llamada | recibirás/recibirá una llamada |

    eu? vou/vamos/vai/vão te? ligar para/pra/a você/ti/lhe/si/o/a | vou/vamos/vai/vão te ligar
    | vou/vamos/vai/vão ligar-te/ligar-lhe/telefonar-lhe/telefonar-te/lhe_ligar/lhe_telefonar
    | ligaremos/ligarei para/a você/ti/si/o/a | te ligaremos/ligaremos/ligo/ligarei/ligará |
    ligar-lhe-emos/ligar-te-emos/ligamos-lhe/ligo-lhe | retornaremos/retornarei a? sua?
    ligação | você receberá uma ligação
    """,
    "write_back": """
    will write/text/message/email/contact to? you | will get back to you |
    I'll/I_will/we'll/we_will get back to/with you | I'll/I_will/we'll/we_will
    write/text/message/email you | I'll/I_will/we'll/we_will contact you |
    I'll/I_will/we'll/we_will be in touch | I'll/I_will/we'll/we_will reach out to? you |
    someone/somebody .. will contact/write/message/text/email | someone/somebody .. will get
    back to | someone/somebody .. will be in touch | someone/somebody .. will reach out |
    colleague/team/manager .. will contact/write/message/text/email | colleague/team/manager
    .. will get back to | colleague/team/manager .. will be in touch | colleague/team/manager
    .. will reach out | you_will/you'll hear from us/me/them | I'll/I_will/we'll/we_will let
    you know as_soon_as/when/tomorrow/later/by | I'll/I_will/we'll/we_will remind you |

    te/le/os/les
    escribiré/escribiremos/escribirá/escribirán/contactaré/contactaremos/contactará |
    te/le/os/les avisaré/avisaremos/avisará/avisarán/recordaré/recordaremos | me/nos
    pondré/pondremos en contacto | se pondrá/pondrán en contacto | te/le/os/les
    voy/vamos/va/van a escribir/contactar/avisar | alguien .. te/le/os/les
    escribirá/contactará/responderá/atenderá/avisará | te/le/os/les responderá/contestará
    un/una/mi/nuestro/nuestra |

    entrarei/entraremos/entrará/entrarão em contato/contacto | vou/vamos/vai/vão entrar em
    contato/contacto | vou/vamos/vai/vão te/lhe?
    escrever/contactar/avisar/avisá-lo/avisá-la/contatar/contactá-lo | te
    avisaremos/avisarei/aviso/escreveremos/escreverei | avisaremos/avisarei você/te/o/a |
    avisá-lo-emos/contactá-lo-emos/escrever-lhe-emos | alguém .. vai/irá te/lhe?
    escrever/responder/contatar/contactar/atender | retornaremos/retornarei o? seu?
    contato/contacto
    """,
    "booked": """
    I've/I_have/we've/we_have just? now? already? booked/reserved/scheduled |
    I've/I_have/we've/we_have just? now? put .. down for | I've/I_have/we've/we_have made ..
    reservation/booking/appointment | your/the
    appointment/booking/reservation/table/order/visit has been
    booked/made/confirmed/placed/reserved/scheduled | your/the
    appointment/booking/reservation/table/order/visit is now? confirmed/booked/reserved/placed
    | you're/you_are all? booked in/for/on | I've/I_have/we've/we_have just? placed/confirmed
    your/the order/appointment/booking | your/the order has gone through |

    he/hemos ya? reservado/agendado/apuntado/confirmado/programado | te/le/os he/hemos ya?
    reservado/agendado/apuntado/confirmado | tu/su/vuestra/la reserva/cita/mesa .. está
    confirmada/hecha/reservada/agendada | tu/su/vuestro/el pedido .. está confirmado/hecho |
    tu/su/la reserva/cita/mesa ha sido confirmada/reservada | queda/quedas/queda_usted
    confirmado/confirmada/apuntado/apuntada/agendado/agendada/reservado/reservada | he/hemos
    hecho tu/su/la/el reserva/pedido | he/hemos realizado tu/su/la/el reserva/pedido |

    reservei/agendei/marquei/confirmei o/a/sua/seu/uma/um/para | já
    reservei/agendei/marquei/confirmei | acabei de reservar/agendar/marcar/confirmar |
    sua/a/tua reserva/consulta/marcação/mesa está confirmada/agendada/marcada/reservada |
    seu/o/teu pedido/agendamento/horário está confirmado/agendado/marcado/reservado |
    sua/a/tua reserva/consulta/marcação foi confirmada/agendada/marcada/feita | seu/o/teu
    pedido/agendamento foi confirmado/feito/agendado
    """,
    "cancelled": """
    I've/I_have/we've/we_have just? now? already? cancelled/canceled | your/the
    appointment/booking/reservation/order/subscription has been cancelled/canceled | your/the
    appointment/booking/reservation/order/subscription is now? cancelled/canceled |

    he/hemos ya? cancelado/anulado | te/le/os he/hemos cancelado/anulado | tu/su/la/vuestra
    reserva/cita .. está cancelada/anulada | tu/su/el pedido .. está cancelado/anulado |
    tu/su/la reserva/cita ha sido cancelada/anulada | tu/su/el pedido ha sido
    cancelado/anulado | queda cancelado/cancelada/anulado/anulada |

    cancelei o/a/sua/seu | já cancelei | acabei de cancelar | sua/a/tua
    reserva/consulta/marcação/compra foi/está cancelada | seu/o/teu pedido/agendamento
    foi/está cancelado
    """,
    "refunded": """
    I've/I_have/we've/we_have just? now? already? refunded/reimbursed |
    I've/I_have/we've/we_have issued/processed .. refund | I'll/I_will/we'll/we_will
    refund/reimburse you/the/your | your/the refund has been
    processed/issued/sent/approved/made | your/the refund is on its way | your/the money has
    been refunded/returned | you_have/you've been refunded | you_will/you'll get/receive
    a/your full? refund within/in/by/today/tomorrow |

    he/hemos ya? reembolsado/devuelto | te/le/os he/hemos ya? reembolsado/devuelto | te/le/os
    reembolsaré/reembolsaremos/devolveré/devolveremos el/tu/su | tu/su/el reembolso ha sido
    procesado/emitido/enviado/aprobado | tu/su/el reembolso está en camino/hecho/procesado |

    reembolsei | já reembolsei/estornei | estornei o/a | acabei de reembolsar/estornar |
    vou/vamos te/lhe? reembolsar/estornar/reembolsá-lo | seu/o/teu reembolso/estorno foi
    processado/feito/aprovado/enviado | seu/o/teu reembolso/estorno está
    a_caminho/feito/processado
    """,
    "changed": """
    I've/I_have/we've/we_have just? now? already? rescheduled/moved/changed/updated your/the
    appointment/booking/reservation/order/address/delivery | your/the
    appointment/booking/reservation/order/address has been rescheduled/moved/changed/updated |

    he/hemos ya? cambiado/modificado/actualizado/movido/aplazado tu/su/la/el
    cita/reserva/pedido/dirección | te/le/os he/hemos cambiado la/tu/su cita/reserva |
    tu/su/la cita/reserva ha sido cambiada/modificada/aplazada |

    remarquei/alterei/mudei/atualizei sua/seu/a/o/tua/teu
    consulta/reserva/marcação/pedido/endereço/horário/morada | sua/a/tua
    consulta/reserva/marcação foi remarcada/alterada | seu/o/teu pedido/agendamento/endereço
    foi alterado/remarcado/atualizado
    """,
    "passed_on": """
    I've/I_have/we've/we_have just? already? informed/notified/told/alerted the/our/my
    team/manager/kitchen/colleague/warehouse/doctor/dentist | I've/I_have/we've/we_have just?
    already? forwarded/passed/sent .. to the/our/my
    team/manager/kitchen/colleague/warehouse/doctor/dentist | I've/I_have/we've/we_have just?
    sent you an? email/e-mail/sms/text/invoice/confirmation/link |

    he/hemos ya? avisado/informado a/al | he/hemos ya? pasado .. al/a_la/a_nuestro/a_mi
    equipo/compañero/compañera/encargado/encargada/cocina | te/le/os he/hemos enviado
    un/una/el/la correo/email/e-mail/sms/factura/confirmación/enlace |

    avisei/informei/notifiquei a/o/à/ao nossa?/nosso? equipa/equipe/gerente/responsável/colega
    | encaminhei .. para/à/ao | enviei/mandei um/uma/o/a
    e-mail/email/sms/fatura/confirmação/link
    """,
}
"""By kind: a prompt whose own words promise a thing of a kind allows all of that kind."""
