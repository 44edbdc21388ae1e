"""What the offline responder says, and the words it listens for, in each language."""

from __future__ import annotations

from dataclasses import dataclass

from parley_conversation.domain.languages import Language


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language. The first six are templates, the others are what an input may contain."""

    greeting: str
    heard: str
    before: str
    recall: str
    nothing_yet: str
    about: str
    no_topic: str
    counted: str
    quoted: str
    separator: str
    hello: tuple[str, ...]
    asks_recall: tuple[str, ...]
    asks_topic: tuple[str, ...]
    asks_count: tuple[str, ...]


PHRASES: dict[Language, Phrases] = {
    Language.ENGLISH: Phrases(
        greeting="Hello! I remember what we say here, on all your devices.",
        heard="You wrote: {said}. This is your message number {count}.",
        before=" Before that you wrote: {said}.",
        recall="So far you have said: {said}.",
        nothing_yet="You have not said anything before this.",
        about="We are talking about {topic}.",
        no_topic="No topic has been set.",
        counted="This is your message number {count}.",
        quoted="“{text}”",
        separator=", ",
        hello=("hello", "hi", "hey", "good morning", "good evening"),
        asks_recall=("what did i say", "what have i said", "remember", "said before"),
        asks_topic=("topic", "talking about"),
        asks_count=("how many", "count"),
    ),
    Language.GERMAN: Phrases(
        greeting="Hallo! Ich merke mir, was wir hier sagen, auf allen deinen Geräten.",
        heard="Du hast geschrieben: {said}. Das ist deine Nachricht Nummer {count}.",
        before=" Davor hast du geschrieben: {said}.",
        recall="Bisher hast du gesagt: {said}.",
        nothing_yet="Davor hast du noch nichts gesagt.",
        about="Wir sprechen über {topic}.",
        no_topic="Es ist kein Thema gesetzt.",
        counted="Das ist deine Nachricht Nummer {count}.",
        quoted="„{text}“",
        separator=", ",
        hello=("hallo", "guten tag", "guten morgen", "guten abend", "servus"),
        asks_recall=("was habe ich", "erinnerst", "gesagt", "weißt du noch"),
        asks_topic=("thema", "worüber"),
        asks_count=("wie viele", "wieviele", "zähl"),
    ),
    Language.SPANISH: Phrases(
        greeting="¡Hola! Recuerdo lo que decimos aquí, en todos tus dispositivos.",
        heard="Has escrito: {said}. Es tu mensaje número {count}.",
        before=" Antes escribiste: {said}.",
        recall="Hasta ahora has dicho: {said}.",
        nothing_yet="Todavía no habías dicho nada.",
        about="Estamos hablando de {topic}.",
        no_topic="No hay ningún tema.",
        counted="Es tu mensaje número {count}.",
        quoted="«{text}»",
        separator=", ",
        hello=("hola", "buenos días", "buenas tardes", "buenas noches"),
        asks_recall=("qué dije", "que dije", "qué he dicho", "recuerdas", "te acuerdas"),
        asks_topic=("tema", "de qué hablamos"),
        asks_count=("cuántos", "cuantos", "cuántas"),
    ),
    Language.FRENCH: Phrases(
        greeting="Bonjour ! Je me souviens de ce que nous disons ici, sur tous tes appareils.",
        heard="Tu as écrit : {said}. C’est ton message numéro {count}.",
        before=" Avant, tu avais écrit : {said}.",
        recall="Jusqu’ici tu as dit : {said}.",
        nothing_yet="Tu n’avais encore rien dit.",
        about="Nous parlons de {topic}.",
        no_topic="Aucun sujet n’est fixé.",
        counted="C’est ton message numéro {count}.",
        quoted="« {text} »",
        separator=", ",
        hello=("bonjour", "salut", "bonsoir", "coucou"),
        asks_recall=("qu'ai-je dit", "ai dit", "souviens", "rappelles"),
        asks_topic=("sujet", "de quoi"),
        asks_count=("combien",),
    ),
    Language.CHINESE: Phrases(
        greeting="你好！我会记住我们在这里说过的话，在你的所有设备上都一样。",
        heard="你写道：{said}。这是你的第 {count} 条消息。",
        before="在那之前你写道：{said}。",
        recall="到目前为止你说过：{said}。",
        nothing_yet="在这之前你还没有说过话。",
        about="我们正在聊{topic}。",
        no_topic="还没有设定话题。",
        counted="这是你的第 {count} 条消息。",
        quoted="“{text}”",
        separator="、",
        hello=("你好", "您好", "早上好", "晚上好", "嗨"),
        asks_recall=("我说过", "说了什么", "记得", "之前"),
        asks_topic=("话题", "聊什么", "主题"),
        asks_count=("几条", "多少"),
    ),
    Language.JAPANESE: Phrases(
        greeting="こんにちは！ここで話したことは、どの端末でも覚えています。",
        heard="あなたはこう書きました：{said}。{count}番目のメッセージです。",
        before="その前はこう書きました：{said}。",
        recall="これまでの話：{said}。",
        nothing_yet="これより前の話はまだありません。",
        about="{topic}について話しています。",
        no_topic="話題はまだ決まっていません。",
        counted="{count}番目のメッセージです。",
        quoted="「{text}」",
        separator="、",
        hello=("こんにちは", "こんばんは", "おはよう", "はじめまして"),
        asks_recall=("覚えて", "何を言", "何と言"),
        asks_topic=("話題", "テーマ"),
        asks_count=("いくつ", "何番", "何件"),
    ),
}
