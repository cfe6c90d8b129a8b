package mortar

import (
	mail "contract/mortar_plugin_mail"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// Message is one e-mail. ReplyTo and HTML can be left out.
type Message struct {
	Connection             string
	To                     []string
	Subject, Text          string
	ReplyTo, HTML          string
}

// Mail sends an e-mail as the step of that name: a retry of the handler never mails twice.
func Mail(step string, message Message) error {
	result := host.mail(step, mail.Message{
		Connection: message.Connection,
		To:         message.To,
		ReplyTo:    given(message.ReplyTo),
		Subject:    message.Subject,
		Text:       message.Text,
		Html:       given(message.HTML),
	})
	if result.IsErr() {
		return unanswered(result.Err())
	}
	return nil
}

func given(text string) Option[string] {
	if text == "" {
		return witTypes.None[string]()
	}
	return witTypes.Some(text)
}
