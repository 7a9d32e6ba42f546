// The article that the study writes: `Documentation/Exponent.md`.

extension ExponentStudy {
    /// The rule of decision, stated before the finals are run.
    package static let rule = """
        A finalist is better on a problem if the simultaneous 95 % interval of its paired difference to FAdam at 1/2 lies \
        below zero over \(finalSeedCount) seeds, with both learning rates inside the rates that were tried; worse, if it \
        lies above. The default changes only to a finalist that is better on every problem.
        """

    /// The article as Markdown.
    ///
    /// - Parameters:
    ///   - data: the path of the data, for readers.
    ///   - powers: the powers above 1/2 of the screening.
    package func article(data: String, powers: [Double]) -> String {
        var parts = [
            """
            # FAdam's exponent

            FAdam divides the gradient by a power rho of the diagonal of the Fisher information, f^rho. The paper has rho = 1/2
            (Hwang 2024, Table 2). A higher power changes two things: the direction of each tensor's step, and its length, which
            for gradients below 1 is then set by the clip. This study tells them apart. `make exponent` writes it, and every
            number of it is in `\(data)`.

            What led to it are pictures of few seeds. On libtorch's headers (0.8 M parameters, 400 steps, learning rate 4e-3)
            0.6 ended below 1/2 in every pair: 2.707 and 2.698 against 2.728 and 2.720 with a warm-up, 2.693 and 2.699 against
            2.712 and 2.724 without. In a twin of it in PyTorch, three seeds on another text, 1/2 reached 2.115; 0.6 with the
            length of 1/2 2.073; 1/2 with length 1 2.084; 0.6 as it is 2.053; and 0.6 without its clip diverged.

            ## Method

            Stage 1 screens \(screeningArmCount) arms on the first problem of the table below, with two seeds, each at a learning
            rate of its own that is chosen on data held out for tuning, from a grid that grows while the best lies at its edge:
            rho x length x clip x beta2 x source of the information, and as controls AdamW, AdamW with steps of length 1, and
            AdamW on a power of the gradient (GradPower, Wang et al. 2025), all three with the norm of the gradient clipped to 1.
            The length is the option `length`: the own one of the power; that of 1/2, tensor by tensor and step by step; or 1. No
            arm has weight decay, whose length and clip would be factors of their own.

            Stage 2 takes at most six finalists, for each part in the question the arm of the lowest mean loss, to
            \(problems.count) problems with \(Self.finalSeedCount) other seeds, tuned anew on each. Where the speech is not there,
            `espeak-ng` speaks it. Everything takes about four hours of one core, or two in two processes.

            \(Self.wrapped(Self.rule))

            \(Self.wrapped("The parts of the finalists: " + ExponentRole.allCases.map(\.text).joined(separator: "; ") + "."))
            """
        ]
        parts.append(screeningPart(powers: powers))
        parts.append(finalsPart)
        parts.append(
            """
            ## Commands

            ```
            make exponent                                      # both stages in two processes; goes on where it was stopped
            fisher reproduce exponent-study --screening-only   # stage 1 alone
            ```

            | problem | trained by |
            | :-- | :-- |
            \(problems.map { "| \($0.name) | `\($0.command)` |" }.joined(separator: "\n"))
            """)
        if !screening.isEmpty { parts.append(Self.wrapped(circumstances)) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// The time and the machine.
    private var circumstances: String {
        "The runs at chosen rates trained for \(NumberText.plain.fixed(trainingHours, decimals: 1)) hours in all, with "
            + "swift-fisher \(environment.packageVersion), libtorch \(environment.engineVersion), "
            + "\(environment.processorName), \(NumberText.plain.counted(environment.threads, "thread")); finished on "
            + "\(environment.date)."
    }

    /// A paragraph in the lines of an article.
    package static func wrapped(_ text: String) -> String {
        DisplayWidth.wrapped(text, width: 120).joined(separator: "\n")
    }

    private func screeningPart(powers: [Double]) -> String {
        if screening.isEmpty { return "## Screening\n\nNot run yet." }
        let state =
            isScreened
            ? ""
            : "\(screening.count) of \(screeningArmCount) arms are finished; no finalist is chosen yet.\n\n"
        return """
            ## Screening

            \(state)\(legendOfScreening)

            \(screeningTable.markdown())
            What power and length do, over all settings of the other factors that have both sides (clip as named; beta2 and
            source vary):

            \(effectTable(powers: powers).markdown())
            """
    }

    private var legendOfScreening: String {
        "Validation loss by increasing mean. Two seeds show a direction, no difference; * marks a rate at the edge."
    }

    private var finalsPart: String {
        if finals.isEmpty { return "## Finals\n\nNot run yet." }
        return """
            ## Finals

            \(Self.wrapped(conclusion))

            \(finalsTable.markdown())
            \(Self.wrapped(legend))\(decompositionPart)
            """
    }

    private var decompositionPart: String {
        guard isComplete, !decompositions.isEmpty,
            let power = finalists.first(where: { $0.role == .power })?.arm
        else { return "" }
        let text = """
            What the direction and what the length of \(power.label) contribute to its difference to 1/2: the direction is the same \
            arm with the length of 1/2 less 1/2, the length is the arm less itself with the length of 1/2. Means over the seeds \
            with Student's 95 % intervals, each by itself; every arm has the learning rate that was tuned for it.
            """
        return "\n\n" + Self.wrapped(text) + "\n\n" + decompositionTable.markdown()
    }

    /// What the finals say by the rule.
    package var conclusion: String {
        guard isComplete else {
            return
                "The finals are not complete: \(finals.count) of \(finalists.count * problems.count) results are there, and "
                + "nothing is decided."
        }
        let counts = finalists.filter { $0.role != .reference }.map { finalist in
            let outcomes = contrasts.filter { $0.finalist == finalist }.map(\.outcome)
            return "\(finalist.arm.label) (\(finalist.role.text)) is better than 1/2 on "
                + "\(outcomes.count { $0 == .better }) of \(problems.count) problems, worse on "
                + "\(outcomes.count { $0 == .worse }), and on \(outcomes.count { $0 == .open }) it cannot be told."
        }
        let end =
            betterEverywhere.isEmpty
            ? "No finalist is better on all: the default stays."
            : "Better on all: \(betterEverywhere.map(\.arm.label).joined(separator: "; "))."
        return (counts + [end]).joined(separator: " ")
    }
}
