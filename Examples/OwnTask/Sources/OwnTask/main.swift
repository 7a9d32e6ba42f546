import Fisher
import FisherCommand

FisherTool.register(task: WaitingTask.self)
FisherTool.register(command: Predict.self)
RuleRegistry.register(Lion.self)
FisherTool.main()
