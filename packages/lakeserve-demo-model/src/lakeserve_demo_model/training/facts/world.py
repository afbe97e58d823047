"""A little general knowledge."""

from lakeserve_demo_model.training.facts.topic import Topic

TOPICS: tuple[Topic, ...] = (
    Topic(
        ("Why is the sky blue?",),
        "The sky is blue because air scatters blue light more than red light.",
    ),
    Topic(
        (
            "What color is the sky?",
            "Which color is the sky?",
            "What is the color of the sky?",
            "What is the color of sky?",
        ),
        "The sky is blue.",
    ),
    Topic(
        ("What color is grass?",),
        "Grass is green.",
    ),
    Topic(
        (
            "How many days are in a week?",
            "How many days does a week have?",
        ),
        "A week has seven days.",
    ),
    Topic(
        (
            "How many months are in a year?",
            "How many months does a year have?",
        ),
        "A year has twelve months.",
    ),
    Topic(
        ("How many hours are in a day?",),
        "A day has twenty-four hours.",
    ),
    Topic(
        (
            "What is water made of?",
            "What is water?",
        ),
        "Water is made of hydrogen and oxygen.",
    ),
    Topic(
        (
            "What is the largest planet?",
            "Which planet is the largest?",
        ),
        "Jupiter is the largest planet of our solar system.",
    ),
    Topic(
        ("What is the largest ocean?",),
        "The Pacific Ocean is the largest ocean on Earth.",
    ),
    Topic(
        (
            "How far away is the moon?",
            "How far is the moon?",
        ),
        "The moon is about 384,000 kilometers away from the Earth.",
    ),
    Topic(
        (
            "What is the speed of light?",
            "How fast is light?",
        ),
        "Light travels at about 300,000 kilometers per second.",
    ),
    Topic(
        (
            "Who wrote Hamlet?",
            "Who wrote Romeo and Juliet?",
            "Who was Shakespeare?",
        ),
        "William Shakespeare wrote Hamlet and Romeo and Juliet.",
    ),
    Topic(
        (
            "Who was Albert Einstein?",
            "Who was Einstein?",
        ),
        "Albert Einstein was a physicist. He is known for the theory of relativity.",
    ),
    Topic(
        ("What is the largest animal?",),
        "The blue whale is the largest animal.",
    ),
    Topic(
        ("What is a dog?",),
        "A dog is a friendly animal that often lives with people.",
    ),
    Topic(
        ("What is a cat?",),
        "A cat is a small animal that likes to sleep and to catch mice.",
    ),
    Topic(
        (
            "What is the sun?",
            "How hot is the sun?",
        ),
        "The sun is the star at the center of our solar system. Its surface is about "
        "5,500 degrees Celsius hot.",
    ),
    Topic(
        ("What is gravity?",),
        "Gravity is the force that pulls things with mass towards each other. It keeps "
        "the planets in their orbits.",
    ),
    Topic(
        (
            "How many continents are there?",
            "How many continents are on Earth?",
        ),
        "There are seven continents on Earth.",
    ),
    Topic(
        (
            "What is the longest river?",
            "Which river is the longest?",
        ),
        "The Nile is often called the longest river on Earth, and the Amazon is about as long.",
    ),
    Topic(
        (
            "What is the highest mountain?",
            "Which mountain is the highest?",
        ),
        "Mount Everest is the highest mountain on Earth. Its top is about 8,849 meters "
        "above the sea.",
    ),
    Topic(
        ("Who painted the Mona Lisa?",),
        "Leonardo da Vinci painted the Mona Lisa.",
    ),
    Topic(
        (
            "List three famous rivers in Europe",
            "Name three rivers in Europe",
        ),
        "Three famous rivers in Europe are the Danube, the Rhine and the Volga.",
    ),
    Topic(
        (
            "List three colors",
            "Name three colors",
            "Give me three colors",
        ),
        "Three colors are red, green and blue.",
    ),
    Topic(
        (
            "List three fruits",
            "Name three fruits",
            "Give me three fruits",
        ),
        "Three fruits are apples, bananas and oranges.",
    ),
    Topic(
        (
            "How many planets are there?",
            "How many planets are in the solar system?",
        ),
        "There are eight planets in our solar system.",
    ),
    Topic(
        (
            "Who was the first person on the moon?",
            "Who walked on the moon first?",
        ),
        "Neil Armstrong was the first person on the moon, in July 1969.",
    ),
    Topic(
        ("What is a bird?",),
        "A bird is an animal with feathers and wings. Most birds can fly.",
    ),
)
