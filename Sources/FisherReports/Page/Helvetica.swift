/// The widths of Helvetica's letters, which every PDF reader knows (Adobe's metrics of the standard fonts).
enum Helvetica {
    /// The size of all texts of a figure, in the units of a layout.
    static let figureSize = 13.0

    /// The widths of the characters from space to tilde, in thousandths of the size.
    private static let regular = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556,
        556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778,
        722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278,
        278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
        556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
    ]
    private static let bold = [
        278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556,
        556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778,
        722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333,
        278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
        611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
    ]

    /// The byte and the width of further characters in the encoding WinAnsi.
    private static let further: [Character: (byte: UInt8, width: Int)] = [
        "\u{2026}": (0x85, 1000), "\u{2018}": (0x91, 222), "\u{2019}": (0x92, 222), "\u{201C}": (0x93, 333),
        "\u{201D}": (0x94, 333), "\u{2022}": (0x95, 350), "\u{2013}": (0x96, 556), "\u{2014}": (0x97, 1000),
        "°": (0xB0, 400), "±": (0xB1, 584), "²": (0xB2, 333), "³": (0xB3, 333), "µ": (0xB5, 556),
        "·": (0xB7, 278), "¹": (0xB9, 333), "×": (0xD7, 584), "ß": (0xDF, 611), "ä": (0xE4, 556),
        "ö": (0xF6, 556), "ü": (0xFC, 556), "Ä": (0xC4, 667), "Ö": (0xD6, 778), "Ü": (0xDC, 722),
        "é": (0xE9, 556), "è": (0xE8, 556), "à": (0xE0, 556), "ç": (0xE7, 500), "ñ": (0xF1, 556),
        "š": (0x9A, 500), "Š": (0x8A, 667),
    ]

    /// The byte and the width of characters that only the font Symbol has.
    private static let symbols: [Character: (byte: UInt8, width: Int)] = [
        "\u{2212}": (0x2D, 549), "Δ": (0x44, 612), "→": (0xAE, 987), "≤": (0xA3, 549), "≥": (0xB3, 549),
        "≈": (0xBB, 549), "∞": (0xA5, 713), "λ": (0x6C, 549), "ρ": (0x72, 549), "β": (0x62, 549),
        "α": (0x61, 631), "ε": (0x65, 439), "η": (0x68, 603), "γ": (0x67, 411), "μ": (0x6D, 576),
        "σ": (0x73, 603), "⊗": (0xC4, 768), "√": (0xD6, 549),
    ]

    /// A font of a PDF.
    enum Face: String { case regular = "F1", bold = "F2", symbol = "F3" }

    /// Where a character is found, and its width in thousandths; what no standard font has is a question mark.
    static func glyph(_ character: Character, isBold: Bool) -> (face: Face, byte: UInt8, width: Int) {
        let face = isBold ? Face.bold : .regular
        if let byte = character.asciiValue, (0x20...0x7E).contains(byte) {
            return (face, byte, (isBold ? bold : regular)[Int(byte) - 0x20])
        }
        if let found = further[character] { return (face, found.byte, found.width) }
        if let found = symbols[character] { return (.symbol, found.byte, found.width) }
        return (face, 0x3F, (isBold ? bold : regular)[0x1F])
    }

    /// The width of a text.
    static func width(of text: String, isBold: Bool = false, size: Double) -> Double {
        text.reduce(0) { $0 + Double(glyph($1, isBold: isBold).width) } * size / 1000
    }
}
