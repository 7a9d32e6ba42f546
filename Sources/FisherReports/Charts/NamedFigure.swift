/// A figure with its name, by which the command line knows it, and what is said below it on a page.
struct NamedFigure {
    let name: String
    let figure: any Figure
    var note: String?

    /// The figure as a part of a page.
    var markup: Markup { figure.figure(id: name, note: note) }

    /// A figure that is there.
    init(name: String, figure: any Figure, note: String? = nil) {
        (self.name, self.figure, self.note) = (name, figure, note)
    }

    /// A figure; nil if there is nothing to draw.
    init?(_ name: String, _ figure: (any Figure)?, note: String? = nil) {
        guard let figure else { return nil }
        (self.name, self.figure, self.note) = (name, figure, note)
    }
}
