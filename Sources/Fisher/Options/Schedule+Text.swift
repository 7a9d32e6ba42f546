import FisherOptions
import Torch

extension Schedule {
    /// The forms of schedules as text, with their meanings.
    package static let forms: [(name: String, form: String, meaning: String)] = [
        (
            "constant", "0.001",
            "A number: the same always. optimizer.schedule, its warm-up and the length of the run shape optimizer.learning_rate."
        ),
        (
            "cosine", "cosine(peak=0.002, steps=400, warm_up=40, floor=0)",
            "A straight line up to peak at update warm_up, then half a cosine down to floor at update steps; warm_up and floor "
                + "are 0 unless given."
        ),
        (
            "linear_warm_up", "linear_warm_up(peak=0.002, warm_up=40)",
            "A straight line up to peak at update warm_up, then peak."
        ),
        (
            "inverse_square_root", "inverse_square_root(peak=0.002, warm_up=40)",
            "A straight line up to peak at update warm_up, then peak sqrt(warm_up / t)."
        ),
        (
            "warm_up_stable_decay",
            "warm_up_stable_decay(peak=0.002, steps=400, warm_up=40, decay=40, floor=0)",
            "A straight line up to peak, peak, and in the last decay of steps updates a straight line down to floor."
        ),
        (
            "plateau", "plateau(peak=0.002, factor=0.1, patience=2, threshold=0.0001, minimum=0, cooldown=0)",
            "peak, or schedule=... in its place, times factor each time more than patience evaluations in a row have not "
                + "lowered the validation loss by the share threshold, never below minimum; after that cooldown evaluations do not count."
        ),
        (
            "sequence", "sequence(0.002, 100, cosine(peak=0.002, steps=300))",
            "Schedules with the numbers of updates for which they hold between them; the last one has no end."
        ),
    ]
}

extension Schedule: LosslessStringConvertible {
    /// Reads a number, or a curve such as `cosine(peak=0.002, steps=400, warm_up=40, floor=0)`. The others
    /// are `linear_warm_up(peak, warm_up)`, `inverse_square_root(peak, warm_up)`,
    /// `warm_up_stable_decay(peak, steps, warm_up, decay, floor)` and `sequence(schedule, updates, schedule, ...)`:
    /// schedules with the numbers of updates for which they hold, the last one without, and
    /// `plateau(peak=0.1, factor=0.1, patience=2, threshold=0.0001, minimum=0, cooldown=0)`, which takes a whole
    /// `schedule=cosine(...)` in place of the peak.
    public init?(_ text: String) {
        guard let read = try? Schedule(reading: text) else { return nil }
        self = read
    }

    /// Why a text is no schedule, as the end of a sentence that begins with it.
    struct Fault: Error {
        let reason: String
    }

    /// Reads a schedule; throws what is wrong with the text.
    private init(reading text: String) throws(Fault) {
        let text = text.filter { !$0.isWhitespace }
        if let value = Double(text) {
            self = .constant(value)
            return
        }
        guard let open = text.firstIndex(of: "(") else { throw Fault(reason: Self.expectation) }
        guard text.last == ")" else { throw Fault(reason: "lacks the ) at its end") }
        guard Schedule.nests(text, atMost: 16) else {
            throw Fault(reason: "has parentheses within parentheses, more than 16 deep")
        }
        let (curve, pieces) = (
            String(text[..<open]), Schedule.pieces(of: text[text.index(after: open)...].dropLast())
        )
        let curves = Self.forms.map(\.name).filter { $0 != "constant" }
        guard curves.contains(curve) else {
            let name = curve.isEmpty ? "''" : shortened(curve)
            throw Fault(reason: "is no schedule: " + unknownName(name, called: "curve", among: curves))
        }
        switch curve {
        case "sequence": self = try Schedule(phases: pieces)
        case "plateau": self = try Schedule(plateau: pieces)
        default: self = try Schedule(curve, pieces)
        }
        if let complaint { throw Fault(reason: complaint) }
    }

    /// A curve by its name and its numbers, `name=value` each.
    private init(_ curve: String, _ pieces: [Substring]) throws(Fault) {
        let known: [String: [String]] = [
            "cosine": ["peak", "steps", "warm_up", "floor"], "linear_warm_up": ["peak", "warm_up"],
            "inverse_square_root": ["peak", "warm_up"],
            "warm_up_stable_decay": ["peak", "steps", "warm_up", "decay", "floor"],
        ]
        let names = known[curve] ?? []
        let texts = try Self.values(of: curve, pieces, names)
        var values: [String: Double] = [:]
        for (name, text) in texts { values[name] = try Self.number(text, name) }
        func number(_ name: String, otherwise: Double? = nil) throws(Fault) -> Double {
            guard let value = values[name] ?? otherwise else { throw Fault(reason: "lacks \(name)=...") }
            return value
        }
        func count(_ name: String, otherwise: Double? = nil) throws(Fault) -> Int {
            let value = try number(name, otherwise: otherwise)
            guard let count = Int(exactly: value), count >= 0 else {
                throw Fault(reason: "needs a whole number of zero or more as \(name)")
            }
            return count
        }
        let peak = try number("peak")
        let warmUp = try count("warm_up", otherwise: 0)
        switch curve {
        case "linear_warm_up": self = .linearWarmUp(peak, warmUp: warmUp)
        case "inverse_square_root": self = .inverseSquareRoot(peak, warmUp: warmUp)
        case "cosine":
            self = .cosine(
                peak, steps: try count("steps"), warmUp: warmUp, floor: try number("floor", otherwise: 0))
        default:
            self = .warmUpStableDecay(
                peak, steps: try count("steps"), warmUp: warmUp, decay: try count("decay"),
                floor: try number("floor", otherwise: 0))
        }
    }

    /// A plateau by its schedule and its numbers.
    private init(plateau pieces: [Substring]) throws(Fault) {
        let names = ["peak", "schedule", "factor", "patience", "threshold", "minimum", "cooldown"]
        let texts = try Self.values(of: "plateau", pieces, names)
        func number(_ name: String, otherwise: Double) throws(Fault) -> Double {
            guard let text = texts[name] else { return otherwise }
            return try Self.number(text, name)
        }
        func count(_ name: String, otherwise: Int) throws(Fault) -> Int {
            guard let count = Int(exactly: try number(name, otherwise: Double(otherwise))), count >= 0 else {
                throw Fault(reason: "needs a whole number of zero or more as \(name)")
            }
            return count
        }
        let schedule: Schedule
        switch (texts["peak"], texts["schedule"]) {
        case (let peak?, nil): schedule = .constant(try Self.number(peak, "peak"))
        case (nil, let text?): schedule = try Schedule(reading: text)
        default: throw Fault(reason: "needs either peak=... or schedule=...")
        }
        self = .plateau(
            schedule, factor: try number("factor", otherwise: 0.1),
            patience: try count("patience", otherwise: 2),
            threshold: try number("threshold", otherwise: 1e-4), minimum: try number("minimum", otherwise: 0),
            cooldown: try count("cooldown", otherwise: 0))
    }

    /// The values of pieces `name=value` by their names.
    private static func values(
        of curve: String, _ pieces: [Substring], _ names: [String]
    ) throws(Fault) -> [String: String] {
        var values: [String: String] = [:]
        for piece in pieces {
            let pair = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            guard pair.count == 2 else {
                throw Fault(
                    reason:
                        "is not of the form \(curve)(\(names.map { "\($0)=..." }.joined(separator: ", ")))")
            }
            guard names.contains(pair[0]) else {
                let hint = nearestName(to: pair[0], among: names).map { "did you mean \($0)?" }
                throw Fault(
                    reason: "gives \(curve) a number \(shortened(pair[0])), which it does not have; "
                        + (hint ?? "it has \(names.joined(separator: ", "))"))
            }
            guard values.updateValue(pair[1], forKey: pair[0]) == nil else {
                throw Fault(reason: "gives \(pair[0]) twice")
            }
        }
        return values
    }

    private static func number(_ text: String, _ name: String) throws(Fault) -> Double {
        guard let value = Double(text), value.isFinite else {
            throw Fault(reason: "needs a finite number as \(name), not \(shortened(text))")
        }
        return value
    }

    /// Schedules and, between them, the numbers of updates for which they hold.
    private init(phases pieces: [Substring]) throws(Fault) {
        guard pieces.count % 2 == 1 else {
            throw Fault(reason: "must end with a schedule, which has no number of updates after it")
        }
        var phases: [Phase] = []
        for position in stride(from: 0, to: pieces.count, by: 2) {
            let schedule = try Schedule(reading: String(pieces[position]))
            if position + 1 == pieces.count {
                phases.append(Phase(schedule))
            } else if let updates = Int(pieces[position + 1]), updates >= 0 {
                phases.append(Phase(schedule, updates: updates))
            } else {
                throw Fault(
                    reason:
                        "needs a number of updates after each schedule but the last, not \(pieces[position + 1])"
                )
            }
        }
        self = .sequence(phases)
    }

    /// What is wrong with a text that is no schedule.
    public static func complaint(about pieces: [String]) -> String {
        do throws(Fault) {
            _ = try Schedule(reading: pieces.joined(separator: ","))
            return expectation
        } catch {
            return error.reason
        }
    }

    /// Whether no parentheses lie in more than some others: each level is read by a call of its own.
    private static func nests(_ text: String, atMost limit: Int) -> Bool {
        var depth = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            if depth > limit { return false }
        }
        return true
    }

    /// The pieces between commas that are outside parentheses.
    private static func pieces(of text: Substring) -> [Substring] {
        var depth = 0
        return text.split(omittingEmptySubsequences: false) { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth == 0
        }
    }

    private var isConstant: Bool { if case .constant = self { true } else { false } }

    /// The number, or the curve in the form that `init(_:)` reads.
    public var description: String {
        switch self {
        case .constant(let value): "\(value)"
        case .linearWarmUp(let peak, let warmUp): "linear_warm_up(peak=\(peak), warm_up=\(warmUp))"
        case .cosine(let peak, let steps, let warmUp, let floor):
            "cosine(peak=\(peak), steps=\(steps), warm_up=\(warmUp), floor=\(floor))"
        case .inverseSquareRoot(let peak, let warmUp): "inverse_square_root(peak=\(peak), warm_up=\(warmUp))"
        case .warmUpStableDecay(let peak, let steps, let warmUp, let decay, let floor):
            "warm_up_stable_decay(peak=\(peak), steps=\(steps), warm_up=\(warmUp), decay=\(decay), "
                + "floor=\(floor))"
        case .sequence(let phases):
            "sequence("
                + phases.enumerated().map { position, phase in
                    position + 1 == phases.count
                        ? "\(phase.schedule)" : "\(phase.schedule), \(phase.updates)"
                }.joined(separator: ", ") + ")"
        case .plateau(let base, let factor, let patience, let threshold, let minimum, let cooldown):
            "plateau(\(base.isConstant ? "peak" : "schedule")=\(base), factor=\(factor), patience=\(patience), "
                + "threshold=\(threshold), minimum=\(minimum), cooldown=\(cooldown))"
        }
    }
}
