# ruff: noqa: RUF001  # other alphabets look like this
"""Sentences to say, made up from the project's own words, in the languages that speaking knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Language:
    """`voices` are espeak-ng's. Templates name their word lists in braces."""

    voices: tuple[str, ...]
    templates: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]


def _language(voices: str, templates: tuple[str, ...], **words: str) -> Language:
    return Language(tuple(voices.split()), templates, {name: tuple(text.split("|")) for name, text in words.items()})


LANGUAGES: Mapping[str, Language] = {
    "en": _language(
        "en-us en-gb en-gb-scotland en-gb-x-rp en-us-nyc",
        (
            "{hello}, it is {number} o'clock, and here is {topic}.",
            "The {adjective} {noun} near the {place} {did} yesterday, {who} says.",
            "And tomorrow? {weather}, with {number} degrees at the {place}.",
            "I remember the {noun} well: it was {adjective}, and nobody at the {place} believed {who}.",
            "{number} of the {noun}s have {did}, which {who} calls {adjective}.",
            "Well, {who} told me that the {noun} {did}, but I am not so sure.",
            "Once there lived by the {place} an old {noun}, {adjective} and {adjective}.",
            "Stay with us; after the break we talk with {who} about {topic}.",
        ),
        hello="Good morning|Good evening|Welcome back|Hello everybody|You are listening to the evening programme",
        topic="the news|the weather|the traffic|gardening in winter|the football results|the history of bridges|books",
        adjective="quiet|remarkable|broken|golden|careful|enormous|forgotten|cheerful|expensive|simple",
        noun="teacher|river|ferry|engine|letter|window|farmer|railway|council|painting|doctor",
        place="harbour|station|old market|town hall|lighthouse|university|forest|northern border",
        did="arrived late|was repaired|changed its mind|opened again|left without a word|won a prize",
        who="the mayor|my sister|a spokesman|professor Miller|the captain|everyone|our reporter",
        weather="Sunny spells|Heavy rain|Fog in the valleys|A light breeze|Snow above the tree line",
        number="two|three|seven|nine|twelve|fifteen|twenty one|forty|a hundred",
    ),
    "de": _language(
        "de",
        (
            "{hello}, es ist {number} Uhr, hier ist {topic}.",
            "{who} sagt, das {noun} am {place} sei {adjective} gewesen.",
            "Morgen wird es {adjective}, bei {number} Grad am {place}.",
            "Es war einmal ein {adjective}es {noun}, das stand am {place} und {did}.",
            "Bleiben Sie dran: gleich spricht {who} über {topic}.",
        ),
        hello="Guten Morgen|Guten Abend|Willkommen zurück|Liebe Hörerinnen und Hörer",
        topic="das Wetter|die Nachrichten|der Verkehr|unsere Sendung über Gärten|die Geschichte der Eisenbahn",
        adjective="ruhig|freundlich|kühl|ungewöhnlich|still|golden|selten|wunderbar",
        noun="Haus|Schiff|Fenster|Buch|Konzert|Dorf|Pferd|Museum",
        place="Bahnhof|Hafen|alten Markt|Fluss|Waldrand|Rathaus",
        did="wartete|schlief|wurde neu gestrichen|kam nie zur Ruhe",
        who="die Bürgermeisterin|mein Bruder|ein Sprecher|der Lehrer|unsere Reporterin",
        number="zwei|drei|sieben|neun|elf|siebzehn|zwanzig",
    ),
    "fr": _language(
        "fr-fr fr-be fr-ch",
        (
            "{hello}, il est {number} heures, voici {topic}.",
            "{who} dit que le {noun} près de la {place} était {adjective}.",
            "Demain il fera {number} degrés près de la {place}, un temps plutôt {adjective}.",
            "Il y avait autrefois un {noun} {adjective} qui {did}.",
        ),
        hello="Bonjour|Bonsoir|Chers auditeurs|Bienvenue à tous",
        topic="les nouvelles|la météo|notre émission sur les jardins|l'histoire des ponts",
        adjective="calme|magnifique|étrange|rapide|fragile|moderne",
        noun="jardin|bateau|livre|village|médecin|train|musée",
        place="gare|rivière|place du marché|mairie|forêt",
        did="chantait le matin|ne dormait jamais|regardait la mer|attendait le printemps",
        who="le maire|ma sœur|un voisin|la directrice|notre reporter",
        number="deux|trois|sept|neuf|onze|quinze|vingt",
    ),
    "es": _language(
        "es es-419",
        (
            "{hello}, son las {number}, y aquí está {topic}.",
            "{who} dice que el {noun} cerca de la {place} era {adjective}.",
            "Mañana tendremos {number} grados cerca de la {place}, un día {adjective}.",
            "Había una vez un {noun} {adjective} que {did}.",
        ),
        hello="Buenos días|Buenas noches|Queridos oyentes|Bienvenidos otra vez",
        topic="el tiempo|las noticias|nuestro programa de libros|la historia de los puentes",
        adjective="tranquilo|notable|grande|amable|difícil|alegre",
        noun="jardín|barco|libro|pueblo|médico|tren|caballo",
        place="estación|plaza|montaña|biblioteca|playa",
        did="cantaba por la mañana|nunca dormía|miraba el mar|esperaba la primavera",
        who="el alcalde|mi hermana|un vecino|la maestra|nuestro reportero",
        number="dos|tres|siete|nueve|diez|once|doce",
    ),
    "it": _language(
        "it",
        (
            "{hello}, sono le {number}, ecco {topic}.",
            "{who} dice che il {noun} vicino alla {place} era {adjective}.",
            "C'era una volta un {noun} {adjective} che {did}.",
        ),
        hello="Buongiorno|Buonasera|Cari ascoltatori|Bentornati",
        topic="il tempo|le notizie|la nostra rubrica di libri|la storia dei ponti",
        adjective="tranquillo|notevole|grande|gentile|difficile|allegro",
        noun="giardino|battello|libro|paese|medico|treno|cavallo",
        place="stazione|piazza|montagna|biblioteca|spiaggia",
        did="cantava la mattina|non dormiva mai|guardava il mare|aspettava la primavera",
        who="il sindaco|mia sorella|un vicino|la maestra",
        number="due|tre|sette|nove|dieci|undici",
    ),
    "pt": _language(
        "pt pt-br",
        (
            "{hello}, são {number} horas, e agora {topic}.",
            "{who} diz que o {noun} perto da {place} era {adjective}.",
            "Era uma vez um {noun} {adjective} que {did}.",
        ),
        hello="Bom dia|Boa noite|Caros ouvintes|Sejam bem-vindos",
        topic="o tempo|as notícias|o nosso programa de livros|a história das pontes",
        adjective="tranquilo|notável|grande|amável|difícil|alegre",
        noun="jardim|barco|livro|médico|comboio|cavalo",
        place="estação|praça|montanha|biblioteca|praia",
        did="cantava de manhã|nunca dormia|olhava o mar|esperava a primavera",
        who="o presidente|a minha irmã|um vizinho|a professora",
        number="duas|três|sete|nove|dez|onze",
    ),
    "zh": _language(
        "cmn",
        (
            "{hello}，现在是{number}点，请听{topic}。",
            "{who}说，{place}的{noun}很{adjective}。",
            "从前{place}有一个{noun}，{did}。",
        ),
        hello="早上好|晚上好|各位听众|欢迎回来",
        topic="新闻|天气预报|我们的读书节目|桥的历史",
        adjective="安静|漂亮|大|奇怪|快|有名",
        noun="花园|老师|医生|火车|老人|孩子",
        place="车站|河边|山上|市场|图书馆",
        did="每天早上唱歌|从来不睡觉|喜欢看海|等着春天",
        who="市长|我姐姐|邻居|记者",
        number="两|三|七|九|十|十一",
    ),
    "ru": _language(
        "ru",
        (
            "{hello}, в эфире {topic}.",
            "{who} говорит, что {noun} у {place} {did}.",
            "Завтра {number} градусов у {place}.",
        ),
        hello="Доброе утро|Добрый вечер|Дорогие слушатели",
        topic="новости|прогноз погоды|наша передача о книгах",
        noun="поезд|корабль|старый дом|врач|учитель",
        place="вокзала|реки|леса|площади|моря",
        did="опять опоздал|был очень красив|долго ждал весны",
        who="Мэр|Моя сестра|Наш сосед|Корреспондент",
        number="два|три|семь|девять|двадцать",
    ),
}  # fmt: skip
"""By a language's short name; what is said means little, and nobody said it before."""

_RAP = (
    "yeah street light beat never money clock city rhyme lover paper every block mic check higher ground rolling "
    "corner story mama told me keep it moving cold night window fire flow tempo heavy rocking steady number seven "
    "brother listen out loud running back again gold chain engine smoke rise fall pocket dollar summer winter trouble "
    "double bubble stack rapper clapping tapping mapping track crack black attack move groove prove better letter"
)
RAP_WORDS = tuple(_RAP.split())
"""Words for lines that only need to sound like rapping."""


def sentences(language: Language, rng: np.random.Generator, count: int) -> list[str]:
    """So many sentences."""
    return [_filled(language, str(rng.choice(language.templates)), rng) for _ in range(count)]


def _filled(language: Language, template: str, rng: np.random.Generator) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(rng.choice(language.words[found[1]])), template)
