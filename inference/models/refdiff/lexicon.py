"""Closed word classes for finding the root word of a referring expression (English, lower case).

Only classes with few members, or endings with few exceptions, are listed: nouns as such are not, so that any noun works.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    "the a an this that these those my your his her its our their some any each every another other both all half "
    "quarter only just same whole entire two three four five six seven eight nine ten which what"
)
PLACES = _words(
    "left right top bottom upper lower middle center centre front back far near leftmost rightmost topmost bottommost "
    "left-most right-most top-most bottom-most uppermost lowermost left-hand right-hand lefthand righthand mid side "
    "corner edge foreground background behind here there first second third fourth fifth last 1st 2nd 3rd 4th 5th "
    "upside away farther further row end"
)
COLOURS = _words(
    "red blue green yellow white black brown gray grey orange purple pink tan beige dark blond blonde brunette "
    "silver gold golden maroon navy teal turquoise striped plaid checkered spotted floral"
)
ADJECTIVES = _words(
    "big small large little tall short long old young new high low wide thin fat round square open closed full empty "
    "bright pale clear plain giant huge tiny wooden metal plastic steel leather ceramic bald naked nude adult male "
    "female elder elderly bigger smaller larger taller shorter longer older younger darker lighter brighter higher "
    "wider thinner fatter whiter shinier closer nearer most least more less very really almost quite not-so main "
    "single double alone asleep awake upright visible partial hot cold wet dry raw fresh ripe sweet clean good bad "
    "nice cute pretty ugly happy sad curly friendly smelly wooly woolly silly messy edible brown-haired own"
)
CLOSE = _words("closest nearest farthest furthest closer nearer")
JOINTS = _words(
    "in on at with w w/ w/o by of from to next beside besides between under underneath over above below beneath "
    "against along across around inside outside into onto toward towards within without through during for off out up "
    "down about like as than who whom whose where when while because but or is are was were be being been am 's has "
    "have had does do did can could will would should says saying not no isn't aren't nearby facing near"
)
PARTICLES = _words("up down off out over")
BE = _words("is are was were")
PRONOUNS = _words(
    "he she it they him them i we you someone somebody something anyone anybody anything everyone everybody everything "
    "nothing none whoever"
)
DUMMIES = _words("it this that these those here")
COMMANDS = _words("find show select segment locate pick choose click highlight mark point see get")
PARTICIPLES = _words(
    "held worn eaten seen shown cut hung lit made built stuck laid lying broken torn driven ridden thrown caught hit "
    "put set given taken drawn hidden bent sat stood wore rode ran worn grown blown frozen chosen written woven"
)
VERBS = _words(
    "sits rides holds wears eats lies sleeps swims leans hangs carries reads talks jumps flies walks runs plays looks "
    "stands kneels sells throws catches pulls pushes swings kicks hits smiles laughs watches wants touches bends "
    "appears seems gets takes makes gives belongs goes comes shows contains"
)
PLURAL_VERBS = _words(
    "sit ride hold wear eat lie sleep swim lean hang carry read talk jump fly walk run play look stand"
)
PLURALS = _words("men women people children kids guys feet sheep geese mice")
GERUND_NOUNS = _words(
    "building painting ceiling string ring king wing thing something anything everything awning railing clothing "
    "lighting swing sling pudding frosting icing dressing wedding siding crossing opening earring morning evening spring "
    "drawing stuffing topping string stocking legging viking duckling sibling darling molding paneling flooring writing "
    "carving landing helping serving marking bling offspring dumpling gosling sapling"
)
GERUND_MODIFIERS = _words(
    "parking dining swimming sewing shopping sleeping rocking baking serving frying cooking mixing cutting fishing "
    "washing folding walking living measuring bathing batting traffic running racing boxing wrapping hiking skating "
    "sitting changing rolling chopping drinking vending filing ironing"
)
ED_NOUNS = _words(
    "bed red shed sled seed weed hundred bread breed reed moped steed thoroughbred tweed speed biped feed"
)
EST_NOUNS = _words("vest nest chest forest guest pest test crest breast west rest harvest quest priest")
Y_NOUNS = _words(
    "baby lady puppy bunny kitty pony daddy mommy candy jelly berry cherry strawberry blueberry raspberry body party "
    "belly fairy teddy buggy doggy country city family army navy butterfly fly lily trophy entry county ferry lorry "
    "trolley library pastry grocery bakery battery balcony canopy century cemetery factory gallery gravy guy hobby hubby "
    "ivy kitty lobby lolly lobby nanny granny pantry penny pansy peony pinky piggy poppy property bully cavalry celery "
    "curry daisy dairy deputy dummy dolly enemy story sky laundry spy study sentry taxi tummy tabby thirty topiary "
    "vanity teenybopper jockey celebrity machinery jewelry stationery broccoli husky jersey wheelie sundry copy cookery "
    "mummy reply supply display secretary canary salary assembly company"
)
PEOPLE = _words("man woman guy girl boy lady person dude gentleman men women guys people girls boys kid gal fella")
WORN = _words(
    "shirt shirts hat jacket coat dress glasses sunglasses cap helmet hair beard umbrella pants jeans shorts tie suit "
    "sweater hoodie vest skirt scarf uniform backpack t-shirt tshirt shoes boots top"
)
