"""Words of the generated training prompts: what a picture may be asked to show.

Deliberately without the nouns of Attend-and-Excite and without GenEval's classes (`HELD_OUT`), so that
figures on those benchmarks show what was learnt of the grammar of prompts, not of their words.
Knows nothing of sentences.
"""

from __future__ import annotations

from typing import Final

HELD_OUT: Final[frozenset[str]] = frozenset(
    """cat dog bird bear lion horse elephant monkey frog turtle rabbit mouse backpack glasses crown
    suitcase chair balloon bow car bowl bench clock apple airplane banana bed bicycle boat book bottle
    broccoli bus cake carrot couch cow cup donut fork frisbee giraffe handbag kite knife laptop
    microwave motorcycle oven person pizza refrigerator sandwich scissors sheep sink skateboard skis
    snowboard spoon suitcase surfboard tie toaster toilet toothbrush train truck tv umbrella vase
    zebra""".split()
)
"""Single words of both benchmarks; of the colours only `orange` is also a noun there, and it stays."""

NOUNS: Final[tuple[str, ...]] = tuple(
    """fox wolf tiger leopard panther deer goat pig donkey camel llama squirrel hedgehog badger otter
    beaver hamster gerbil mole bat hare weasel ferret kangaroo koala panda gorilla chimpanzee baboon
    rhino hippo walrus seal dolphin whale shark octopus squid crab lobster shrimp starfish jellyfish
    salmon trout goldfish eel snail slug worm spider scorpion ant bee wasp fly butterfly moth beetle
    ladybug dragonfly grasshopper cricket snake lizard gecko crocodile alligator toad newt owl eagle
    hawk falcon parrot pigeon crow raven swan duck goose chicken rooster turkey penguin ostrich
    peacock flamingo pelican crane stork sparrow robin swallow swift gull calf lamb kitten puppy pony
    foal ram ewe bull ox mule yak bison moose dragon unicorn dinosaur robot alien astronaut knight
    wizard witch pirate king queen prince princess boy girl man woman child baby farmer chef doctor
    nurse teacher painter sailor soldier dancer singer clown skier surfer cyclist driver firefighter
    table desk stool sofa armchair lamp lantern candle mirror curtain carpet rug pillow blanket
    mattress drawer shelf cabinet wardrobe door window fan heater radiator stove kettle teapot pan pot
    plate saucer mug jug pitcher jar basket bucket bin box crate barrel bag sack purse wallet
    briefcase trunk chest key lock chain rope hammer saw drill wrench screwdriver nail screw bolt axe
    shovel rake hoe ladder broom mop sponge brush comb razor soap towel shower faucet pipe hose
    lightbulb torch phone radio speaker camera tripod printer keyboard monitor tablet projector guitar
    violin cello piano drum trumpet flute harp saxophone accordion bell whistle ball racket glove
    helmet shoe boot sandal sneaker sock hat cap scarf coat jacket shirt sweater dress skirt belt ring
    necklace bracelet earring watch ribbon button zipper feather shell pearl coin gem diamond statue
    sculpture flag sign poster banner map globe compass telescope microscope magnet battery
    candlestick chandelier fountain well bridge tower castle palace temple church mosque lighthouse
    windmill barn cabin cottage hut tent igloo house skyscraper fence gate wall arch column stair road
    path tram taxi van tractor scooter wagon cart sled canoe kayak raft yacht ship submarine ferry
    helicopter rocket spaceship glider drone wheel tire engine anchor sail oar tree bush flower rose
    tulip daisy sunflower lily orchid cactus fern mushroom leaf branch log stump rock stone pebble
    boulder mountain hill cliff cave river lake pond waterfall beach island desert forest meadow field
    garden sky sun moon star cloud rainbow lightning volcano iceberg snowman pumpkin potato tomato
    onion pepper cucumber lettuce cabbage eggplant garlic radish pear peach plum cherry grape melon
    watermelon pineapple mango kiwi lemon lime fig coconut strawberry blueberry raspberry olive bread
    bagel croissant muffin pancake waffle cookie pie pudding candy lollipop chocolate cheese egg
    burger taco burrito noodle sausage steak bacon soup salad popcorn pretzel cupcake straw napkin
    tray toy doll puppet domino die puzzle swing slide seesaw trampoline bat net match pen pencil
    crayon marker eraser ruler notebook envelope stamp letter newspaper magazine calendar easel canvas
    chalkboard blackboard sewing spool needle thread cage nest egg hive web trap sword shield spear
    arrow cannon armor mask cape wig mustache tail wing horn paw claw skull bone heart brain hand
    jumper blind model mannequin scarecrow bust medal trophy plug socket switch wire cable spring hook
    pin clip peg stick pole post mast tank drink tear light plant square circle triangle cube sphere
    cone cylinder pyramid sweet orange""".split()
)

PLURALS: Final[dict[str, str]] = {
    "wolf": "wolves", "goose": "geese", "deer": "deer", "ox": "oxen", "calf": "calves", "moose": "moose",
    "man": "men", "woman": "women", "child": "children", "shelf": "shelves", "leaf": "leaves",
    "shrimp": "shrimp", "salmon": "salmon", "trout": "trout", "bison": "bison", "squid": "squid",
    "cactus": "cacti", "die": "dice", "snowman": "snowmen", "potato": "potatoes", "tomato": "tomatoes",
    "mango": "mangoes", "octopus": "octopuses",
}  # fmt: skip

PAIRED: Final[tuple[str, ...]] = tuple(
    """trousers jeans shorts pants leggings tights pliers tweezers goggles binoculars sunglasses
    headphones""".split()
)
"""Nouns that are plural in form for one thing."""

COMPOUNDS: Final[tuple[str, ...]] = tuple(
    """street lamp|coffee mug|tea pot|school bag|picnic basket|soccer goal|golf club|hockey stick|
    cricket ball|football helmet|basketball hoop|soccer ball|rugby ball|ping pong table|pool table|
    coffee table|kitchen table|office desk|bathroom door|garden gnome|flower pot|water pitcher|
    milk jug|wine barrel|beer mug|oil lamp|desk lamp|table lamp|floor lamp|ceiling fan|window sill|
    picture frame|door handle|door knob|key ring|shower curtain|bath towel|paper towel|paper lantern|
    rubber duck|toy robot|toy soldier|toy dinosaur|rag doll|sock puppet|fire engine|fire extinguisher|
    fire alarm|police officer|ice cube|snow globe|palm tree|pine tree|cherry blossom|oak leaf|
    maple leaf|corn cob|egg carton|cereal box|shoe box|mail box|phone booth|telephone pole|
    ticket machine|vending machine|sewing machine|coffee machine|bread box|computer monitor|
    computer screen|computer chip|game controller|guitar case|violin case|music stand|street sign|
    road sign|exit sign|neon sign|warning sign|swim ring|fishing rod|fishing net|sleeping bag|
    hand drum|bass guitar|wrist watch|pocket watch|cowboy hat|baseball cap|party hat|straw hat|
    rain boot|rain coat|ski boot|snow shovel|garden hose|garden shed|tree house|sand castle|sand dune|
    beach ball|beach towel|cable car|race track|tennis court|pearl necklace|diamond ring|gold coin|
    bird house|bird cage|bee hive|spider web|fish tank|horse shoe|cattle pen|duck pond|goat cheese|
    cheese wheel|lemon tree|fruit basket|pepper mill|salt shaker|soup ladle|tea kettle|coffee pot|
    cake stand|pie chart|ice rink|hair brush|hair clip|tooth pick|nail polish|lip balm|hand cream|
    pencil case|paint brush|spray can|glue stick|steam engine|space station|space helmet""".replace("\n    ", "").split(
        "|"
    )
)

COLOURS: Final[tuple[str, ...]] = tuple(
    """red orange yellow green blue purple pink brown gray grey black white red orange yellow green blue
    purple pink brown gray black white beige golden silver gold turquoise violet crimson teal magenta
    maroon""".split()
)

ADJECTIVES: Final[tuple[str, ...]] = tuple(
    """big small large tiny huge giant little tall short long wide narrow thick thin round square oval
    flat curved straight sharp blunt pointed old new young ancient modern antique vintage rusty shiny
    dull bright dark pale colorful plain striped spotted dotted checkered wooden metallic golden
    woolen plastic fluffy furry hairy smooth rough soft hard wet dry dirty clean dusty muddy sandy
    snowy icy frozen hot cold warm cool fresh rotten ripe sweet sour salty spicy happy sad angry
    sleepy cute beautiful ugly pretty handsome elegant fancy cheap expensive empty full open closed
    heavy light strong weak fat skinny slim lazy brave friendly scary wild tame strange magical
    mysterious realistic transparent opaque triangular rectangular circular spherical cubic conical
    cylindrical pyramidal hexagonal oblong majestic sleek rustic cozy sunny cloudy foggy rainy misty
    lush rocky grassy wooden glassy silky leathery""".split()
)

PARTICIPLES: Final[tuple[str, ...]] = tuple(
    """broken cracked folded painted carved woven knitted polished burning glowing sleeping flying
    running dancing smiling swimming floating jumping laughing sliced stuffed melted crumpled""".split()
)
"""Verb forms before a noun; English-EWT calls them VERB there."""

ACTIONS: Final[tuple[str, ...]] = tuple(
    """holding wearing riding carrying eating pushing pulling chasing watching hugging kicking throwing
    catching drinking reading painting washing touching playing driving""".split()
)
POSES: Final[tuple[str, ...]] = tuple(
    "sitting standing lying sleeping resting running walking floating hanging leaning jumping perched".split()
)
HAPPENINGS: Final[tuple[str, ...]] = tuple(
    """sits stands lies sleeps rests runs walks floats hangs leans jumps swims flies slides rolls hides waits
    grows shines float hang slide rest stand sat stood lay slept rested ran walked floated hung leaned jumped
    swam flew slid rolled hid grew shone glowed gleamed""".split()
)
PLACES: Final[tuple[str, ...]] = tuple(
    "kitchen street park room field forest beach city garden desert mountains studio snow water night".split()
)
NUMBERS: Final[tuple[str, ...]] = tuple("two three four five six seven eight nine ten twelve 2 3 4 5 6 10".split())
SYLLABLES: Final[tuple[str, ...]] = tuple(
    """ba be bi bo bu da de di do du fa fi fo ga go gu ha hi ho ka ke ki ko la le li lo lu ma me mi mo mu
    na ne no pa pe pi po ra re ri ro sa se si so su ta te ti to tu va ve vi vo wa wi wo za zo bla cra
    dro fli glo gra klo pla pre sna spo stra tra""".split()
)
ENDINGS: Final[tuple[str, ...]] = (
    *tuple("n r l t p k d m nk sh ck ss x th ng ll rd st b g".split()),
    "",
    "",
    "er",
    "le",
    "et",
)
